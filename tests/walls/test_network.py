"""From inside, there is nobody but the sidecar: no address, no name, no neighbour, past no routing table."""

import socket

import pytest

from tests.walls.conftest import Box, Trap

OUTSIDE = ("1.1.1.1", "8.8.8.8", "192.0.2.1", "169.254.169.254", "100.100.100.200", "10.0.0.1", "192.168.0.1")
REFUSED = {"EPERM", "ENETUNREACH", "EHOSTUNREACH", "EACCES"}
"""What a kernel says at once to a packet that it will not send."""
NO_SUCH_SOCKET = {"EPERM", "EACCES", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EAFNOSUPPORT", "EINVAL"}


def test_no_tcp_to_any_address_outside(box: Box) -> None:
    ports = (22, 25, 53, 80, 443, 2375, 2376, 8443)
    assert set(box.tries(*(("tcp", address, port) for address in OUTSIDE for port in ports))) <= REFUSED


def test_no_datagram_to_any_address_outside(box: Box) -> None:
    ports = (53, 123, 443, 1900, 5353)
    assert set(box.tries(*(("udp", address, port) for address in OUTSIDE for port in ports))) <= REFUSED


def test_no_echo_request_gets_out(box: Box, host_addresses: list[str]) -> None:
    answers = box.tries(*(("ping", address) for address in (*OUTSIDE, box.gateway, *host_addresses)))
    assert set(answers) <= REFUSED | NO_SUCH_SOCKET


def test_no_socket_beneath_tcp_and_udp(box: Box) -> None:
    kinds = [
        ("AF_INET", "SOCK_RAW", socket.IPPROTO_ICMP),
        ("AF_INET", "SOCK_RAW", socket.IPPROTO_RAW),
        ("AF_INET6", "SOCK_RAW", socket.IPPROTO_ICMPV6),
        ("AF_PACKET", "SOCK_RAW", 0x0300),
        ("AF_PACKET", "SOCK_DGRAM", 0x0300),
    ]
    assert set(box.tries(*(("opened", *kind) for kind in kinds))) <= NO_SUCH_SOCKET


def test_no_other_transport_reaches_the_outside(box: Box) -> None:
    assert set(box.tries(("sctp", "192.0.2.1", 9), ("sctp", box.gateway, 9))) <= REFUSED | NO_SUCH_SOCKET


def test_no_ipv6_at_all(box: Box) -> None:
    on_device = (f"{address}%{box.device}" for address in ("fe80::1", "ff02::1", "ff02::fb"))
    addresses = ("2606:4700:4700::1111", "fd00::1", *on_device)
    attacks = [(way, address, port) for address in addresses for way, port in (("tcp", 443), ("udp", 53))]
    no_address = {"EADDRNOTAVAIL", "EAFNOSUPPORT"}
    assert set(box.tries(*attacks)) <= REFUSED | no_address | {"EINVAL"}
    assert box.shell("grep -v ' lo$' /proc/net/if_inet6").replace("No such file or directory", "").count("eth0") == 0


def test_no_outside_name_resolves(box: Box) -> None:
    names = ("example.com", "a-very-long-label-full-of-secrets.attacker.example", "host.docker.internal")
    assert not any(answer.startswith("ok") for answer in box.tries(*(("resolve", name) for name in names)))


def test_no_question_leaves_through_the_engines_resolver(box: Box) -> None:
    """A, TXT, NULL, AAAA and ANY, at Docker's resolver and at the sidecar: an error or silence."""
    name = b"".join(bytes([len(label)]) + label for label in (b"x" * 60, b"y" * 60, b"attacker", b"example")) + b"\0"
    head = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0"
    questions = [(head + name + kind.to_bytes(2, "big") + b"\0\1").hex() for kind in (1, 16, 10, 28, 255)]
    asked = [("ask", server, 53, question) for question in questions for server in ("127.0.0.11", box.sidecar)]
    for answer in box.tries(*asked):
        if answer.startswith("ok "):
            reply = bytes.fromhex(answer[3:])
            assert reply[3] & 0x0F != 0, "an answer without an error code"
            assert reply[6:8] == b"\0\0", "an answer with records"


def test_no_service_of_the_host_at_any_of_its_addresses(box: Box, trap: Trap, host_addresses: list[str]) -> None:
    targets = (*host_addresses, box.gateway)
    assert set(box.tries(*(("tcp", address, trap.port) for address in targets))) <= REFUSED
    assert set(box.tries(*(("udp", address, trap.port) for address in targets))) <= REFUSED
    assert trap.count() == 0


@pytest.mark.parametrize("way", ["tcp", "bound", "flag", "unicast-if", "pktinfo", "source-route"])
def test_no_service_of_the_host_past_the_routing_table(
    container: Box, trap: Trap, host_addresses: list[str], way: str
) -> None:
    targets = (*host_addresses, container.gateway, "192.0.2.1")
    answers = container.tries(*(("on_device", way, address, trap.port) for address in targets))
    assert set(answers) <= REFUSED | {"EINVAL", "ENOPROTOOPT"}
    assert trap.count() == 0


@pytest.mark.parametrize("way", ["broadcast", "broadcast-bound", "multicast", "multicast-if"])
def test_no_datagram_to_everybody_reaches_the_host(container: Box, trap: Trap, way: str) -> None:
    everybody = ("255.255.255.255", container.broadcast, "224.0.0.1", "224.0.0.251", "239.255.255.250", "224.0.0.252")
    answers = container.tries(*(("on_device", way, address, trap.port) for address in everybody))
    assert set(answers) <= REFUSED
    assert trap.count() == 0


def test_the_trap_would_have_heard(trap: Trap) -> None:
    """The control: the same trap hears the host itself."""
    before = trap.count()
    with socket.create_connection(("127.0.0.1", trap.port), 5) as connection:
        assert b"the host" in connection.recv(100)
    assert trap.count() == before + 1
    trap.heard.clear()


def test_no_other_bottle(container: Box, neighbour: Box) -> None:
    attacks: list[tuple[object, ...]] = [
        ("tcp", address, port) for address in (neighbour.address, neighbour.sidecar) for port in (8888, 53, 9)
    ]
    attacks += [("udp", neighbour.address, 9), ("udp", neighbour.sidecar, 53)]
    attacks += [("on_device", "bound", neighbour.sidecar, 53), ("on_device", "tcp", neighbour.sidecar, 8888)]
    assert set(container.tries(*attacks)) <= REFUSED | {"EINVAL"}
    for name in (f"bot-bottle-{neighbour.bottle.identity}", f"bot-bottle-{neighbour.bottle.identity}-sidecar"):
        assert not container.tries(("resolve", name))[0].startswith("ok")


def test_the_sidecar_has_one_door_and_a_resolver(box: Box) -> None:
    """The way out answers at its port and questions for names at theirs; nothing else of the sidecar's listens."""
    ports = [
        *range(1, 53),
        *range(54, 1025),
        2375,
        2376,
        3128,
        5000,
        8000,
        8080,
        8443,
        8887,
        8889,
        9000,
        9099,
        9100,
        9418,
    ]
    assert set(box.tries(*(("tcp", box.sidecar, port) for port in ports))) == {"ECONNREFUSED"}
    assert box.tries(("tcp", box.sidecar, 8888)) == ["ok connected"]


def test_a_relay_inside_the_box_gets_the_same_refusal(box: Box) -> None:
    """What stands between the agent and the sidecar makes no difference to the sidecar's judgement."""
    direct = "curl -s -o /dev/null -w '%{http_connect}' -x http://egress:8888 https://unlisted.example/"
    said = box.shell(
        "python3 -c '"
        "import socket,threading\n"
        'l=socket.create_server(("127.0.0.1",7777))\n'
        "def pipe(a,b):\n"
        "  while d:=a.recv(4096): b.sendall(d)\n"
        "while 1:\n"
        '  c=l.accept()[0]; s=socket.create_connection(("egress",8888))\n'
        "  threading.Thread(target=pipe,args=(c,s),daemon=True).start()\n"
        "  threading.Thread(target=pipe,args=(s,c),daemon=True).start()\n"
        "' 2>/dev/null & relay=$!; sleep 1; "
        f"{direct}; printf ' '; {direct.replace('egress:8888', '127.0.0.1:7777')}; kill $relay"
    )
    assert said.split()[:2] == ["403", "403"]
