"""Behind an upstream proxy: what it is asked for, what it is told, and every way in which it can fail."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bottle.domain.hosts import Authority
from sidecars.egress.chain import reads_as_open
from sidecars.egress.refusal import Refused
from tests.egress.conftest import TOKEN, MakeOrigin, MakeSidecar
from tests.egress.harness import Sidecar, curl, route, tunnel, wait_until
from tests.egress.proxies import PASSWORD, USER, Scripted, TinyProxy
from tests.support.ports import free_port
from tests.support.requirements import require

HOST = "api.example.com"
ODD = "p@ss: w%rd/9f3a71c2"
OPENED = b"HTTP/1.1 200 OK\r\n\r\n"
MakeTinyProxy = Callable[..., TinyProxy]
MakeScripted = Callable[..., Scripted]


@pytest.fixture
def make_tinyproxy(tmp_path: Path) -> Iterator[MakeTinyProxy]:
    require("tinyproxy")
    made: list[TinyProxy] = []

    def make(**options: Any) -> TinyProxy:
        made.append(TinyProxy(tmp_path, **options))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def make_scripted() -> Iterator[MakeScripted]:
    made: list[Scripted] = []

    def make(answer: bytes | None, leads_to: int | None = None) -> Scripted:
        made.append(Scripted(answer, leads_to))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


def through(port: int, credential: str = "") -> dict[str, Any]:
    """The start document's part."""
    return {"proxy": {"authority": f"127.0.0.1:{port}", "credential": credential}}


def refused(sidecar: Sidecar, url: str) -> tuple[int, str, str]:
    """What a client gets for the URL: status, rule and reason; the trail has to say the same."""
    done = curl(sidecar, "-w", "%{http_code}", url)
    answer = json.loads(done.stdout[:-3])
    said = (int(done.stdout[-3:]), answer["rule"], answer["reason"])
    wait_until(lambda: said in [(line["status"], line["rule"], line["reason"]) for line in sidecar.trail()])
    return said


# --- the real one


def test_requests_tunnels_and_plain_http_go_through_a_real_proxy(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, make_tinyproxy: MakeTinyProxy
) -> None:
    proxy = make_tinyproxy(credential=(USER, PASSWORD))
    secured, unread, plain = make_origin(HOST), make_origin("tunnel.example.com"), make_origin()
    routes = [
        route(HOST, secured, inject={"header": "authorization", "scheme": "Bearer", "slot": "T"}),
        route("tunnel.example.com", unread, scan=False),
        route("plain.example.com", plain, scheme="http", ports=[80]),
    ]
    sidecar = make_sidecar(routes, {"T": TOKEN}, **through(proxy.port, f"{USER}:{PASSWORD}"))
    assert curl(sidecar, f"https://{HOST}/a").stdout == b"hello"
    assert curl(sidecar, "http://plain.example.com/b").stdout == b"hello"
    assert curl(sidecar, "-k", "https://tunnel.example.com/c").stdout == b"hello"
    assert secured.received[0].header("authorization") == [f"Bearer {TOKEN}"]
    assert all(f"CONNECT 127.0.0.1:{origin.port}" in proxy.seen() for origin in (secured, unread, plain))
    sent = b"".join(received.raw for origin in (secured, unread, plain) for received in origin.received)
    assert b"proxy-authorization" not in sent.lower()


def test_a_wrong_password_a_missing_one_and_a_port_that_the_proxy_does_not_open(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, make_tinyproxy: MakeTinyProxy
) -> None:
    guarded, narrow = make_tinyproxy(credential=(USER, PASSWORD)), make_tinyproxy(connect_ports=[1])
    origin = make_origin(HOST)
    routes = [route(HOST, origin)]
    for credential in ("", f"{USER}:wrong-hush"):
        sidecar = make_sidecar(routes, **through(guarded.port, credential))
        status, rule, reason = refused(sidecar, f"https://{HOST}/")
        assert (status, rule) == (502, "upstream.proxy")
        assert "wants another credential in BOT_BOTTLE_UPSTREAM_PROXY" in reason
    sidecar = make_sidecar(routes, **through(narrow.port))
    reason = f"the upstream proxy refuses a connection to 127.0.0.1:{origin.port} (403)"
    assert refused(sidecar, f"https://{HOST}/") == (502, "upstream.proxy", reason)
    assert origin.connections == 0


def test_a_proxy_that_is_gone_is_a_502(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    gone = free_port()
    sidecar = make_sidecar([route(HOST, origin)], **through(gone, f"{USER}:{PASSWORD}"))
    status, rule, reason = refused(sidecar, f"https://{HOST}/")
    assert (status, rule) == (502, "upstream.proxy")
    assert reason == f"the upstream proxy 127.0.0.1:{gone} is not reached: Connection refused"
    assert PASSWORD not in sidecar.everything_said()


# --- what it is asked for


def test_the_proxy_is_asked_for_the_judged_name_and_never_for_its_own_machine(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, make_scripted: MakeScripted
) -> None:
    """`.invalid` resolves nowhere: where it is reached, nobody looked it up here."""
    origin = make_origin("api.invalid")
    proxy = make_scripted(OPENED, origin.port)
    routes = [
        {"host": "api.invalid", "ports": [443, 8443]},
        {"host": "localhost"},
        {"host": "a.localhost"},
        {"host": "10.0.0.1"},
        {"host": "169.254.169.254"},
        {"host": "near.example.com", "connect_to": {"address": "192.168.1.1", "port": None}},
    ]
    sidecar = make_sidecar(routes, **through(proxy.port, f"{USER}:{ODD}"))
    assert curl(sidecar, "https://api.invalid/").stdout == b"hello"
    packed = base64.b64encode(f"{USER}:{ODD}".encode())
    asked = (
        b"CONNECT api.invalid:443 HTTP/1.1\r\nHost: api.invalid:443\r\nProxy-Authorization: Basic %b\r\n\r\n" % packed
    )
    assert proxy.heads == [asked]
    for host in ("localhost", "a.localhost", "10.0.0.1", "169.254.169.254", "near.example.com"):
        assert refused(sidecar, f"https://{host}/")[:2] == (403, "address.private"), host
    assert len(proxy.heads) == 1
    said = sidecar.everything_said()
    assert ODD not in said
    assert packed.decode() not in said


def test_origins_behind_the_proxy_are_verified_by_name(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, make_scripted: MakeScripted
) -> None:
    proxy = make_scripted(OPENED, make_origin("other.example.com").port)
    sidecar = make_sidecar([{"host": HOST}], **through(proxy.port))
    assert refused(sidecar, f"https://{HOST}/")[:2] == (502, "upstream.certificate")


# --- how it can answer

REFUSED = [
    b"HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n",
    b"HTTP/1.1 503 Unavailable\r\n\r\n",
    b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"SSH-2.0-x\r\n",
    b"HTTP/2.0 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * 17_000,
    b"x" * 17_000,
]
PLACE = Authority(HOST, 443)


@pytest.mark.parametrize("answer", REFUSED, ids=range(len(REFUSED)))
def test_no_other_answer_opens_anything_however_it_is_cut(answer: bytes) -> None:
    def read(length: int) -> bool:
        with suppress(Refused):
            return reads_as_open(answer[:length], PLACE)
        return False

    with pytest.raises(Refused) as told:
        reads_as_open(answer, PLACE)
    assert (told.value.refusal.status, told.value.refusal.rule) == (502, "upstream.proxy")
    whole = answer.find(b"\r\n\r\n") + 4 if answer.endswith(b"x") else len(answer)  # then comes a byte too many
    assert not any(read(length) for length in range(0, whole, 1 + len(answer) // 1000))


@pytest.mark.parametrize("head", [OPENED, b"HTTP/1.0 200 Connection established\r\nVia: x\r\nServer: y\r\n\r\n"])
def test_a_plain_answer_opens_the_tunnel_with_its_last_byte(head: bytes) -> None:
    assert [reads_as_open(head[:length], PLACE) for length in range(len(head))] == [False] * len(head)
    assert reads_as_open(head, PLACE)


@pytest.mark.parametrize(
    ("answer", "rule"),
    [(b"", "upstream.proxy"), (b"HTTP/1.1 200 OK\r\nX: half", "upstream.proxy"), (OPENED, "upstream.tls")],
)
def test_a_proxy_that_hangs_up_is_a_502(
    make_sidecar: MakeSidecar, make_scripted: MakeScripted, answer: bytes, rule: str
) -> None:
    sidecar = make_sidecar([{"host": HOST}], **through(make_scripted(answer).port))
    assert refused(sidecar, f"https://{HOST}/")[:2] == (502, rule)


def test_a_proxy_that_does_not_answer_is_a_504(make_sidecar: MakeSidecar, make_scripted: MakeScripted) -> None:
    sidecar = make_sidecar([{"host": HOST}], limits={"PROXY_SECONDS": 0.2}, **through(make_scripted(None).port))
    assert refused(sidecar, f"https://{HOST}/")[:2] == (504, "upstream.timeout")


def test_a_tunnel_through_a_proxy_that_refuses_is_closed_and_written_down(
    make_sidecar: MakeSidecar, make_scripted: MakeScripted
) -> None:
    proxy = make_scripted(b"HTTP/1.1 403 No\r\n\r\n")
    sidecar = make_sidecar([{"host": HOST, "scan": False}], **through(proxy.port))
    with pytest.raises(OSError, match=r"EOF|reset"):
        tunnel(sidecar, f"{HOST}:443")
    line = sidecar.wait_for_trail(1)[0]
    assert (line["kind"], line["rule"], line["status"]) == ("tunnel", "upstream.proxy", 502)
