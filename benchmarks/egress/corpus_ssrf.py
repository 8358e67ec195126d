"""The cases of ssrf/: hosts that must never be dialled, and names that do not agree."""

import ipaddress
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.egress.corpus_client import Client, Reply
from benchmarks.egress.corpus_world import PUBLIC
from bottle.domain.hosts import HostPattern, InvalidHostError

if TYPE_CHECKING:
    from benchmarks.egress.corpora import Run

Case = dict[str, Any]
API = "api.allowed.test"
AT_ONCE = 16
ORIGINS = (API, "redir.allowed.test", "w.wild.test", "*.wild.test")


def hosts(run: "Run", cases: list[Case]) -> None:
    """Each host in each place where one can stand: not listed, then, where it can be, listed without its address."""
    named = {case["host"].lower() for case in cases if "?" not in case["host"]}
    listed = sorted({text for name in named if (text := _pattern(name))} - {API})
    ways: dict[str, list[str]] = {"not listed": [], "listed": listed}
    for kind, more in ways.items():
        client = run.serve(ORIGINS, _routes([API, "redir.allowed.test", *more]))
        for batch in (cases[at : at + AT_ONCE] for at in range(0, len(cases), AT_ONCE)):
            run.world.names |= {case["host"].lower(): _answers(case) for case in batch}
            before = run.world.reached.copy()
            with ThreadPoolExecutor(AT_ONCE) as pool:
                replies = list(pool.map(partial(_everywhere, client), [case["host"] for case in batch]))
            reached = dict(run.world.reached - before)
            for case, said in zip(batch, replies, strict=True):
                _note_host(run, kind, case, said, reached)


def _note_host(run: "Run", kind: str, case: Case, replies: list[Reply], reached: dict[str, int]) -> None:
    """`reached` is what the whole batch reached: one is to blame, and none may be."""
    wrong = f"reached {reached}, it or one beside it" if reached else ""
    if not wrong and not all(reply.is_refusal or _is_public(reply, case) for reply in replies):
        wrong = f"not refused in words: {[reply.said[:120] for reply in replies]}"
    outcome = ("REACHED" if reached else "ERROR") if wrong else "held"
    run.note("ssrf hosts", f"{kind}: {outcome}", case["id"], wrong)


def _routes(names: list[str]) -> list[Case]:
    return [
        route
        for name in names
        for route in ({"host": name}, {"host": name, "scheme": "http", "ports": [80]})
    ]  # fmt: skip


def _pattern(name: str) -> str | None:
    try:
        return HostPattern.parse(name).text
    except InvalidHostError:
        return None


def _answers(case: Case) -> list[str]:
    """What DNS says of the name."""
    private = case["canonical"].strip("[]")
    try:
        address = ipaddress.ip_address(private)
    except ValueError:
        return ["169.254.169.254"]
    if case["technique"] == "dns-rebind-toctou":
        return ["flip", PUBLIC, str(address)]
    if case["technique"] == "aaaa-private" and address.version == 4:
        return [f"::ffff:{address}"]
    return [str(address)]


def _everywhere(client: Client, host: str) -> list[Reply]:
    name = host.encode()
    if "?to=" in host:
        return _follow(client, host)
    get = b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n"
    return [
        client.inside(name + b":443", get % (b"/", name)),
        client.plain(get % (b"http://%b/" % name, name)),
        client.plain(get % (b"http://%b/" % name, API.encode())),
        client.inside(f"{API}:443".encode(), get % (b"/", name)),
        client.inside(f"{API}:443".encode(), get % (b"https://%b/" % name, API.encode())),
    ]


def _follow(client: Client, url: str) -> list[Reply]:
    """A redirect: what the client does next is judged again."""
    host, _, path = url.partition("/")
    reply = client.inside(f"{host}:443".encode(), f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    place = reply.said.partition(b"Location: ")[2].partition(b"\r\n")[0]
    if reply.statuses != [int(path[:3])] or not place.startswith(b"http://"):
        return [reply]
    there = place.removeprefix(b"http://").partition(b"/")[0]
    get = b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n"
    return [client.plain(get % (place, there)), client.inside(there + b":443", get % (b"/", there))]


def _is_public(reply: Reply, case: Case) -> bool:
    """A name that leads to a public address at this moment, or a path of a host that is listed."""
    return reply.statuses == [200] and (case["technique"] == "dns-rebind-toctou")


def confusion(run: "Run", cases: list[Case]) -> None:
    """CONNECT, server name, Host and target that do not agree; the origin is reached where all do."""
    client = run.serve(ORIGINS, _routes([API, "*.wild.test"]))
    run.world.names["evil.test"] = ["6.6.6.6"]
    for case in cases:
        seen, before = len(run.world.seen), run.world.reached.copy()
        reply = _confused(client, case)
        reached = dict(run.world.reached - before)
        arrived = run.world.seen[seen:]
        wrong = _judged(case, reply, reached, arrived)
        run.note("ssrf confusion", f"{case['technique']}: {'WRONG' if wrong else 'held'}", case["id"], wrong)


def _judged(case: Case, reply: Reply, reached: dict[str, int], arrived: list[bytes]) -> str:
    if reached:
        return f"reached {reached}"
    if any(b"evil" in raw.lower() or b"host: " + API.encode() not in raw.lower() for raw in arrived):
        return f"arrived {arrived}"
    if case["expect"] == "allow" and "socks5" not in case:
        return "" if arrived and reply.statuses == [200] else f"did not pass: {reply}"
    if arrived and case.get("host", "").strip() != case.get("host", ""):
        return ""  # spaces around a header's value are no part of it, for every reader (RFC 9110 5.5)
    if case["expect"] == "block" and arrived:
        return f"arrived {arrived}"
    if not arrived and not reply.is_refusal:
        return f"not refused in words: {reply}"
    return ""


def _confused(client: Client, case: Case) -> Reply:
    if "socks5" in case:
        name = case["socks5"].encode()[:255]
        greeting = b"\x05\x01\x00" + b"\x05\x01\x00\x03" + bytes([len(name)]) + name + case["port"].to_bytes(2)
        return client.plain(greeting)
    if "request" in case:
        return _by_line(client, case["request"])
    host = b"" if case["host"] is None else b"Host: %b\r\n" % case["host"].encode()
    data = b"GET / HTTP/1.1\r\n%bConnection: close\r\n\r\n" % host
    if case["sni"] is not None and case["sni"].replace(".", "").isdigit():
        return client.named(case["connect"], case["sni"], data)
    return client.inside(case["connect"].encode(), data, case["sni"])


def _by_line(client: Client, request: Case) -> Reply:
    lines = "".join(f"{name}: {value}\r\n" for name, value in request["headers"])
    data = f"{request['line']}\r\n{lines}\r\n".encode()
    if "://" in request["line"] and "inside_tunnel" not in request:
        return client.plain(data)
    return client.inside(f"{request.get('inside_tunnel', API)}:443".encode(), data)
