"""CONNECT, server name, Host and absolute target: every combination of spellings, and one name or no way out.

One sidecar hears all of it. Two hosts are listed; the credential belongs to one. Whatever does not agree reaches
nobody, and what does reaches exactly the host that was judged.
"""

import itertools
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import frozen

from tests.egress.conftest import TOKEN
from tests.egress.harness import Origin, Response, Sidecar, TestCa, connect, read_head, route, wait_until

HOST, OTHER = "api.example.com", "other.example.com"
SAME = [HOST, "API.Example.COM", f"{HOST}."]
"""One name, in the spellings that DNS tells from no other."""

# What no listed route means, whoever reads it.
ELSEWHERE = [
    "evil.example", OTHER, f"{HOST}.evil.example", f"evil.{HOST}", "example.com", "a.b.wild.example.com",
    "wild.example.com", "*.wild.example.com", f"user@{HOST}", f"{HOST}@evil.example", f"{HOST}:443@evil.example",
    f"{HOST}%00.evil.example", f"{HOST}\0.evil.example", f"{HOST}\t.evil.example", f"{HOST} evil.example",
    f"{HOST},evil.example", f"{HOST}#.evil.example", f"{HOST}\\.evil.example", f"{HOST}/.evil.example", f"{HOST}..",
    f".{HOST}", f"{HOST}\x7f", "xn--pi-7kc.example.com", "\u0430pi.example.com", "api\u3002example\u3002com",
    "\uff41pi.example.com", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.0.0.1.",
    "00127.0.0.1", "[::1]", "::1", "[::ffff:127.0.0.1]", "[fe80::1%25lo]", "[fe80::1%lo]", "[::ffff:7f00:1]",
    "localhost", "169.254.169.254", "", "[", "a" * 64 + ".example.com",
]  # fmt: skip
PORTS_ELSEWHERE = [f"{HOST}:8443", f"{HOST}:80", f"{HOST}:0443", f"{HOST}:+443", f"{HOST}:443443", f"{HOST}:443:443",
                   f"{HOST}:", f"{HOST}:https"]  # fmt: skip


@frozen
class World:
    """The sidecar, the origin of HOST, whose route has the credential, and that of OTHER."""

    sidecar: Sidecar
    api: Origin
    other: Origin


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, bottle_ca: TestCa, world_ca: TestCa) -> Iterator[World]:
    api, other = Origin(tls=world_ca.issue(HOST)), Origin(tls=world_ca.issue(OTHER, "x.wild.example.com"))
    sidecar = Sidecar(tmp_path_factory.mktemp("sidecar"), bottle_ca, world_ca.pem)
    inject = {"header": "authorization", "scheme": "Bearer", "slot": "T"}
    routes = [route(HOST, api, inject=inject), route(OTHER, other), route("*.wild.example.com", other)]
    assert sidecar.start(routes, {"T": TOKEN})["event"] == "ready"
    yield World(sidecar, api, other)
    assert sidecar.stop() == 0
    api.close()
    other.close()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8")


def connected(sidecar: Sidecar, target: str, host: str | None, name: str | None) -> ssl.SSLSocket | int:
    """TLS behind a CONNECT, or the status with which that was refused."""
    connection = connect(sidecar)
    line = b"" if host is None else b"Host: %b\r\n" % _bytes(host)
    connection.sendall(b"CONNECT %b HTTP/1.1\r\n%b\r\n" % (_bytes(target), line))
    head = read_head(connection)
    if not head.startswith(b"HTTP/1.1 200 "):
        connection.close()
        return int(head[9:12])
    context = ssl.create_default_context(cadata=sidecar.ca_file.read_text())
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname=name)


def asked(sidecar: Sidecar, connect_to: str, name: str | None, target: str, hosts: tuple[str, ...]) -> int:
    """The status of one request."""
    inside = connected(sidecar, connect_to, connect_to, name)
    if isinstance(inside, int):
        return inside
    with inside:
        lines = b"".join(b"Host: %b\r\n" % _bytes(host) for host in hosts)
        inside.sendall(b"GET %b HTTP/1.1\r\n%bConnection: close\r\n\r\n" % (_bytes(target), lines))
        response = Response(inside)
        assert TOKEN.encode() not in response.body
        return response.status


def counts(world: World) -> tuple[int, int]:
    return len(world.api.received), world.other.connections


def test_no_connect_but_to_a_listed_name_and_port_is_answered(world: World) -> None:
    before = world.sidecar.trail(opened=True)
    targets = [f"{name}:443" for name in ELSEWHERE if name != OTHER] + PORTS_ELSEWHERE + [HOST, f"https://{HOST}:443"]
    for target in targets:
        assert connected(world.sidecar, target, None, None) in (400, 403), target
    for host in (OTHER, "evil.example", "", f"user@{HOST}", f"{HOST}:8443", f"{HOST}\0"):
        assert connected(world.sidecar, f"{HOST}:443", host, None) in (400, 421), host
    lines = world.sidecar.wait_for_trail(len(before) + len(targets) + 6, opened=True)[len(before) :]
    assert not [line for line in lines if line["allowed"] or line["kind"] == "opened"]


# Targets and Hosts with whether they say what the CONNECT said.
TARGETS = [
    ("/p", True), ("*", False), (f"https://{HOST}/p", True), ("HTTPS://API.example.com:443/p", True),
    (f"http://{HOST}/p", False), (f"https://{HOST}:8443/p", False), (f"https://{OTHER}/p", False),
    ("https://evil.example/p", False), (f"https://{HOST}@evil.example/p", False), (f"https://user@{HOST}/p", False),
    (f"https://evil.example#@{HOST}/p", False), (f"//{OTHER}/p", False), (f"{HOST}:443", False),
    (f"https:{HOST}/p", False), ("https:///p", False), ("https://127.0.0.1/p", False), ("https://[::1]/p", False),
    (f"ftp://{HOST}/p", False),
]  # fmt: skip
HOSTS: list[tuple[tuple[str, ...], bool]] = [
    *(((name,), True) for name in (*SAME, f"{HOST}:443", f" {HOST} ")),
    *(((name,), False) for name in (*ELSEWHERE, *PORTS_ELSEWHERE)),
    *((hosts, False) for hosts in ((), (HOST, HOST), (HOST, "evil.example"), ("evil.example", HOST), (OTHER, HOST))),
]
FEW = [(HOST,), (OTHER,), ("evil.example",), ()]


def test_behind_a_connect_all_that_names_a_host_names_that_one(world: World) -> None:
    """Every target that agrees with every Host, and every target with Hosts of each kind."""
    some = [(hosts, agrees) for hosts, agrees in HOSTS if agrees or hosts in FEW]
    cases = [(target, host) for target in TARGETS for host in (HOSTS if target[1] else some)]
    before = counts(world)

    def status(case: tuple[tuple[str, bool], tuple[tuple[str, ...], bool]]) -> int:
        (target, _), (hosts, _) = case
        return asked(world.sidecar, f"{HOST}:443", HOST, target, hosts)

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(status, cases))
    for ((target, target_agrees), (hosts, host_agrees)), found in zip(cases, statuses, strict=True):
        expected = (200,) if target_agrees and host_agrees else (400, 403, 421)
        assert found in expected, (target, hosts)
    assert counts(world) == (before[0] + statuses.count(200), before[1])
    for received in world.api.received[before[0] :]:
        assert (received.target, received.header("host")) == ("/p", [HOST])
        assert received.header("authorization") == [f"Bearer {TOKEN}"]


def test_the_server_name_is_the_connects(world: World) -> None:
    """Every spelling of the CONNECT with every server name, and behind each some targets and Hosts."""
    names = [
        *SAME,
        None,
        OTHER,
        "evil.example",
        f"{HOST}.evil.example",
        "example.com",
        "localhost",
        "x.wild.example.com",
    ]
    before = counts(world)
    passed = 0
    for connect_to, name in itertools.product([HOST, "API.example.COM"], names):
        for target, hosts in itertools.product(["/p", f"https://{OTHER}/p"], FEW):
            agrees = name in SAME and target == "/p" and hosts == (HOST,)
            found = asked(world.sidecar, f"{connect_to}:443", name, target, hosts)
            assert found == 200 if agrees else found in (400, 421), (connect_to, name, target, hosts)
            passed += agrees
    assert counts(world) == (before[0] + passed, before[1])


def test_the_credential_stays_with_its_host_whatever_else_is_said(world: World) -> None:
    before = counts(world)
    for connect_to, name in ((OTHER, HOST), (OTHER, OTHER), ("x.wild.example.com", "x.wild.example.com")):
        for target, host in itertools.product(["/p", f"https://{HOST}/p"], [HOST, connect_to]):
            found = asked(world.sidecar, f"{connect_to}:443", name, target, (host,))
            assert found == 200 if (name, target, host) == (connect_to, "/p", connect_to) else found == 421
    assert counts(world) == (before[0], before[1] + 2)
    assert not [received for received in world.other.received if TOKEN.encode() in received.raw]


def test_on_the_proxys_own_port_an_absolute_target_and_host_agree(world: World) -> None:
    """Neither host is listed for plain http, so agreement is a 403 of the policy, disagreement said before it."""
    for target, host in itertools.product(
        [HOST, OTHER, "evil.example"], [HOST, OTHER, "evil.example", f"user@{HOST}", ""]
    ):
        connection = connect(world.sidecar)
        connection.sendall(b"GET http://%b/p HTTP/1.1\r\nHost: %b\r\n\r\n" % (_bytes(target), _bytes(host)))
        assert Response(connection).status == (403 if target == host else 421 if "@" not in host and host else 400)
        connection.close()


# --- what is no HTTP behind a CONNECT


def _hello() -> bytes:
    """A real ClientHello for HOST."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


FOREIGN = [
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n",
    b"EHLO example.com\r\n",
    b"\x05\x01\x00",
    b"\x00" * 64,
    b"\x80\x2e\x01\x00\x02",  # SSL 2.0's hello
    b"\x16\x03\x01\xff\xff" + b"\x01" * 512,
]


def test_what_is_no_tls_in_a_tunnel_ends_it_and_is_written_down(world: World) -> None:
    before = counts(world)
    for data in FOREIGN:
        connection = connect(world.sidecar)
        connection.sendall(b"CONNECT %b:443 HTTP/1.1\r\n\r\n" % HOST.encode())
        assert read_head(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(data)
        connection.shutdown(1)
        try:
            answer = connection.recv(65536)
        except ConnectionResetError:
            answer = b""
        assert answer[:1] in (b"", b"\x15"), data  # nothing, or a TLS alert
    wait_until(lambda: [line["rule"] for line in world.sidecar.trail()].count("tls.handshake") == len(FOREIGN))
    assert counts(world) == before


def test_a_tunnel_within_the_tunnel_is_not_opened(world: World) -> None:
    """Neither by a second CONNECT, nor by TLS inside TLS, nor by HTTP/2 inside it."""
    before = counts(world)
    inner = [
        (f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(), 403),
        (f"CONNECT evil.example:443 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(), 403),
        (_hello(), 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 400),
    ]
    for data, expected in inner:
        inside = connected(world.sidecar, f"{HOST}:443", None, HOST)
        assert not isinstance(inside, int)
        with inside:
            inside.sendall(data)
            assert Response(inside).status == expected, data
    assert counts(world) == before
