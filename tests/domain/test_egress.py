"""What may leave a bottle."""

import ipaddress

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bottle.domain.egress import (
    Injection,
    Policy,
    Request,
    Route,
    Scheme,
    Verdict,
    decide,
    decide_address,
    decide_tunnel,
)
from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.targets import ASTERISK, InvalidTargetError, Target, parse_target

API = Route(HostPattern("api.example"), methods=("GET", "POST"), paths=("/v1", "/v2/"))
ANY = Route(HostPattern("any.example"))
WILD = Route(HostPattern("*.wild.example"))
PLAIN = Route(HostPattern("plain.example"), scheme="http", ports=(80, 8080))
POLICY = Policy((API, ANY, WILD, PLAIN))


def request(url: str, method: str = "GET") -> Request:
    """`scheme://host[:port]/path`, or `scheme://host*` for the asterisk."""
    scheme: Scheme = "http" if url.startswith("http:") else "https"
    host, slash, rest = url.partition("://")[2].partition("/")
    target = parse_target(slash + rest) if slash else ASTERISK
    name, _, port = host.rstrip("*").partition(":")
    return Request(scheme, Authority(name, int(port or {"http": 80, "https": 443}[scheme])), method, target)


@pytest.mark.parametrize(
    ("method", "url", "route"),
    [
        pytest.param("GET", "https://api.example/v1/messages", API, id="below a path"),
        pytest.param("POST", "https://api.example/v2/x", API, id="below another path"),
        pytest.param("GET", "https://any.example/", ANY, id="no limits"),
        pytest.param("PROPFIND", "https://any.example/dav", ANY, id="any method"),
        pytest.param("VERSION-CONTROL", "https://any.example/dav", ANY, id="method with a hyphen"),
        pytest.param("X" * 32, "https://any.example/", ANY, id="longest method"),
        pytest.param("OPTIONS", "https://any.example*", ANY, id="server-wide OPTIONS"),
        pytest.param("GET", "https://a.wild.example/", WILD, id="wildcard"),
        pytest.param("GET", "http://plain.example:8080/", PLAIN, id="plain HTTP on a listed port"),
        pytest.param("GET", "https://any.example/docs/git-receive-pack", ANY, id="git's manual"),
        pytest.param("GET", "https://any.example/search?q=git-receive-pack", ANY, id="a search for git's manual"),
        pytest.param("GET", "https://any.example/r.git/info/refs?service=git-upload-pack", ANY, id="fetch, advertised"),
        pytest.param("POST", "https://any.example/r.git/git-upload-pack", ANY, id="fetch"),
    ],
)
def test_what_is_allowed(method: str, url: str, route: Route) -> None:
    verdict = decide(POLICY, request(url, method))
    assert (verdict.allowed, verdict.rule, verdict.route) == (True, "route", route)
    assert not verdict.passes_unread


@pytest.mark.parametrize(
    ("method", "url", "rule", "reason", "ask"),
    [
        ("GET", "https://evil.example/", "host.unlisted", "evil.example is not listed", "a route to evil.example"),
        ("GET", "https://wild.example/", "host.unlisted", "wild.example is not listed", "a route to wild.example"),
        ("GET", "https://b.a.wild.example/", "host.unlisted", "is not listed", "a route to b.a.wild.example"),
        ("GET", "https://any.example.evil.example/", "host.unlisted", "is not listed", "a route to any"),
        ("GET", "http://api.example/v1", "scheme.unlisted", "listed for https alone", "`scheme: http`"),
        ("GET", "https://plain.example/", "scheme.unlisted", "listed for http alone", "`scheme: https`"),
        ("GET", "https://api.example:8443/v1", "port.unlisted", "port 8443 of api.example", "port 8443"),
        ("GET", "http://plain.example:443/", "port.unlisted", "port 443 of plain.example", "port 443"),
        ("PUT", "https://api.example/v1", "method.unlisted", "PUT is not among", "method PUT for api.example"),
        ("GET", "https://api.example/v3", "path.unlisted", "/v3 is outside the paths", "path /v3 for api.example"),
        ("GET", "https://api.example/v1%2fx", "path.unlisted", "/v1%2fx is outside", "path /v1%2fx"),
        ("GET", "https://api.example/v1;x", "path.unlisted", "/v1;x is outside", "path /v1;x"),
        ("OPTIONS", "https://api.example*", "method.unlisted", "OPTIONS is not among", "method OPTIONS"),
        ("CONNECT", "https://any.example/", "method.never", "CONNECT is not allowed", None),
        ("TRACE", "https://any.example/", "method.never", "TRACE is not allowed", None),
        ("TRACK", "https://any.example/", "method.never", "TRACK is not allowed", None),
        ("get", "https://any.example/", "method.form", "get is no method", None),
        ("", "https://any.example/", "method.form", " is no method", None),
        ("GET /x", "https://any.example/", "method.form", "GET /x is no method", None),
        ("GET\r\nX: y", "https://any.example/", "method.form", "GET??X: y is no method", None),
        ("GÉT", "https://any.example/", "method.form", "G?T is no method", None),
        ("X" * 33, "https://any.example/", "method.form", "is no method", None),
        ("GET", "https://any.example*", "target.form", "goes with OPTIONS, not with GET", None),
        ("PRI", "https://any.example*", "target.form", "goes with OPTIONS, not with PRI", None),
        ("POST", "https://any.example/r.git/git-receive-pack", "git.push", "passes no git gate", "`git.remotes`"),
    ],
)
def test_what_is_refused(method: str, url: str, rule: str, reason: str, ask: str | None) -> None:
    verdict = decide(POLICY, request(url, method))
    assert (verdict.allowed, verdict.rule) == (False, rule)
    assert (verdict.route is None) is (rule == "host.unlisted")  # else it names the route that it was held against
    assert reason in verdict.reason
    assert verdict.ask is None if ask is None else ask in (verdict.ask or "")


@pytest.mark.parametrize(
    ("method", "query", "is_allowed"),
    [
        ("POST", "_method=DELETE", False),
        ("POST", "a=b&%5Fmethod=delete", False),
        ("POST", "a;_METHOD=%44ELETE", False),
        ("GET", "X-HTTP-Method-Override=PATCH", False),
        ("POST", "_method=GET", True),
        ("POST", "_method=flickr.photos.search", True),
        ("POST", "method=DELETE", True),
        ("DELETE", "", False),
    ],
)
def test_a_query_names_no_method_that_is_not_listed(method: str, query: str, is_allowed: bool) -> None:
    limited = Route(HostPattern("rails.example"), methods=("GET", "POST"))
    asked = request(f"https://rails.example/a?{query}", method)
    verdict = decide(Policy((limited,)), asked)
    assert verdict.allowed is is_allowed
    assert is_allowed or verdict.rule == "method.unlisted"
    assert decide(Policy((Route(HostPattern("rails.example")),)), asked).allowed


@pytest.mark.parametrize("method", ["COPY", "MOVE", "BIND", "REBIND", "UNBIND"])
def test_a_path_rule_covers_no_second_place(method: str) -> None:
    below = Route(HostPattern("dav.example"), paths=("/mine",))
    asked = request("https://dav.example/mine/a", method)
    assert decide(Policy((below,)), asked).rule == "method.two-places"
    assert decide(Policy((Route(HostPattern("dav.example")),)), asked).allowed


def test_what_is_empty_denies() -> None:
    assert not Verdict().allowed
    assert not Verdict().passes_unread
    assert not decide(Policy(), request("https://any.example/")).allowed
    assert not decide_tunnel(Policy(), Authority("any.example", 443)).allowed
    assert not decide(Policy((Route(HostPattern("any.example"), ports=()),)), request("https://any.example/")).allowed


def test_of_two_routes_the_one_with_the_longer_path_gives_the_credential() -> None:
    general = Route(HostPattern("a.example"), inject=Injection("Authorization", "Bearer", "GENERAL"))
    admin = evolve(general, paths=("/v1/admin",), inject=Injection("Authorization", "Bearer", "ADMIN"))
    for routes in ((general, admin), (admin, general)):
        assert decide(Policy(routes), request("https://a.example/v1/admin/x")).route == admin
        assert decide(Policy(routes), request("https://a.example/v1/administrator")).route == general


def test_of_two_equal_routes_the_first_is_taken() -> None:
    first = Route(HostPattern("a.example"), inject=Injection("Authorization", "Bearer", "FIRST"))
    second = evolve(first, inject=Injection("Authorization", "Bearer", "SECOND"))
    assert decide(Policy((first, second)), request("https://a.example/")).route == first


def test_routes_of_one_host_add_up() -> None:
    read = Route(HostPattern("a.example"), methods=("GET",))
    write = Route(HostPattern("a.example"), methods=("POST",), paths=("/v1",))
    policy = Policy((read, write))
    assert decide(policy, request("https://a.example/x")).route == read
    assert decide(policy, request("https://a.example/v1", "POST")).route == write
    assert decide(policy, request("https://a.example/x", "POST")).rule == "method.unlisted"
    assert decide(policy, request("https://a.example/x", "PUT")).rule == "method.unlisted"


def test_a_host_listed_by_name_is_not_widened_by_a_wildcard() -> None:
    narrow = Route(HostPattern("a.wild.example"), paths=("/v1",))
    policy = Policy((WILD, narrow))
    assert decide(policy, request("https://a.wild.example/v1")).route == narrow
    assert decide(policy, request("https://a.wild.example/v2")).rule == "path.unlisted"
    assert decide(policy, request("https://b.wild.example/v2")).route == WILD
    wide_port = Policy((evolve(WILD, ports=(8443,)), narrow))
    assert decide(wide_port, request("https://a.wild.example:8443/v1")).rule == "port.unlisted"


TUNNEL = Route(HostPattern("a.example"), scan=False)


@pytest.mark.parametrize(
    ("routes", "unread"),
    [
        pytest.param((TUNNEL,), True, id="tunnel"),
        pytest.param((TUNNEL, TUNNEL), True, id="two tunnels"),
        pytest.param((evolve(TUNNEL, scan=True),), False, id="scanned"),
        pytest.param((TUNNEL, evolve(TUNNEL, scan=True, paths=("/x",))), False, id="tunnel, then scanned"),
        pytest.param((evolve(TUNNEL, scan=True), TUNNEL), False, id="scanned, then tunnel"),
        pytest.param((evolve(TUNNEL, inject=Injection("A", "", "S")),), False, id="injects"),
        pytest.param((evolve(TUNNEL, methods=("GET",)),), False, id="methods"),
        pytest.param((evolve(TUNNEL, paths=("/x",)),), False, id="paths"),
        pytest.param((TUNNEL, evolve(TUNNEL, scan=True, ports=(8443,))), True, id="scanned on another port"),
        pytest.param((TUNNEL, Route(HostPattern("a.example"), scheme="http")), True, id="plain HTTP beside"),
        pytest.param((TUNNEL, Route(HostPattern("*.example"))), True, id="wildcard scanned, name a tunnel"),
        pytest.param((evolve(TUNNEL, scan=True), Route(HostPattern("*.example"), scan=False)), False, id="the reverse"),
    ],
)
def test_bytes_pass_unread_only_where_every_route_lets_them(routes: tuple[Route, ...], *, unread: bool) -> None:
    verdict = decide_tunnel(Policy(routes), Authority("a.example", 443))
    assert (verdict.allowed, verdict.passes_unread) == (True, unread)


@pytest.mark.parametrize(
    ("host", "port", "rule"),
    [
        ("evil.example", 443, "host.unlisted"),
        ("any.example", 22, "port.unlisted"),
        ("plain.example", 80, "scheme.unlisted"),
    ],
)
def test_tunnels_that_are_refused(host: str, port: int, rule: str) -> None:
    verdict = decide_tunnel(POLICY, Authority(host, port))
    assert (verdict.allowed, verdict.rule, verdict.passes_unread) == (False, rule, False)


def test_plain_http_is_never_a_tunnel() -> None:
    assert not Route(HostPattern("a.example"), scheme="http", scan=False).is_tunnel


@pytest.mark.parametrize(
    ("address", "private", "allowed"),
    [
        ("1.1.1.1", (), True),
        ("10.0.0.5", (), False),
        ("10.0.0.5", ("10.0.0.0/24",), True),
        ("10.0.1.5", ("10.0.0.0/24",), False),
        ("::ffff:10.0.0.5", ("10.0.0.0/24",), False),
        ("64:ff9b::a00:5", ("10.0.0.0/24",), False),
        ("169.254.169.254", ("10.0.0.0/8",), False),
        ("fd00::5", ("fd00::/8",), True),
    ],
)
def test_addresses(address: str, private: tuple[str, ...], *, allowed: bool) -> None:
    networks = tuple(ipaddress.ip_network(text) for text in private)
    verdict = decide_address(evolve(ANY, private_ips=networks), ipaddress.ip_address(address))
    assert verdict.allowed is allowed
    if not allowed:
        assert verdict.rule == "address.private"
        assert "any.example leads to" in verdict.reason
        assert "ssrf_ip_allowlist" in (verdict.ask or "")


def test_a_credential_has_a_scheme_or_none() -> None:
    assert Injection("Authorization", "Bearer", "S").header_value("x") == "Bearer x"
    assert Injection("x-api-key", "", "S").header_value("x") == "x"


ANYTHING = st.text(max_size=300)
TARGETS = st.builds(Target, ANYTHING, st.none() | ANYTHING, st.lists(ANYTHING, min_size=1, max_size=3).map(tuple))
SCHEMES: st.SearchStrategy[Scheme] = st.sampled_from(("https", "http"))
AUTHORITIES = st.builds(Authority, st.sampled_from(("a.example", "b.a.example")) | ANYTHING, st.integers())
ROUTES = st.builds(
    Route,
    host=st.builds(HostPattern, st.sampled_from(("a.example", "*.a.example")) | ANYTHING),
    scheme=SCHEMES,
    ports=st.lists(st.integers(), max_size=2).map(tuple) | st.just((443,)),
    methods=st.lists(ANYTHING, max_size=2).map(tuple),
    paths=st.lists(ANYTHING, max_size=2).map(tuple),
    scan=st.booleans(),
)
POLICIES = st.builds(Policy, st.lists(ROUTES, max_size=3).map(tuple))
METHODS = st.sampled_from(("GET", "POST")) | ANYTHING


def is_fit_for_a_log(verdict: Verdict) -> bool:
    words = [verdict.reason, verdict.ask or ""]
    return all(word.isascii() and word.isprintable() and len(word) <= 600 for word in words)


@given(POLICIES, st.builds(Request, SCHEMES, AUTHORITIES, METHODS, TARGETS))
def test_no_values_make_a_decision_raise(policy: Policy, asked: Request) -> None:
    for verdict in (decide(policy, asked), decide_tunnel(policy, asked.authority)):
        assert is_fit_for_a_log(verdict)
        assert (verdict.route in policy.routes) if verdict.allowed else not verdict.passes_unread


@given(ROUTES, st.ip_addresses())
def test_no_values_make_an_address_raise(route: Route, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert is_fit_for_a_log(decide_address(route, address))


@given(st.text(max_size=40).map("/v1{}".format), METHODS)
def test_nothing_is_allowed_that_the_route_does_not_list(path: str, method: str) -> None:
    try:
        target = parse_target(path)
    except InvalidTargetError:
        return
    verdict = decide(POLICY, Request("https", Authority("api.example", 443), method, target))
    if verdict.allowed:
        assert method in API.methods
        assert all(reading == "/v1" or reading.startswith("/v1/") for reading in target.readings)


@given(st.permutations([API, ANY, WILD, PLAIN, TUNNEL]), st.builds(Request, SCHEMES, AUTHORITIES, METHODS, TARGETS))
def test_the_order_of_different_hosts_makes_no_difference(routes: list[Route], asked: Request) -> None:
    assert decide(Policy(tuple(routes)), asked) == decide(Policy((API, ANY, WILD, PLAIN, TUNNEL)), asked)
