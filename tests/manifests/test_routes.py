"""`egress.routes` (MAN-13 and what came since)."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from bottle.domain.egress import Endpoint
from bottle.domain.hosts import HostPattern
from bottle.domain.manifest import Auth, ManifestRoute

from .conftest import ReadBottle, Refusal


def in_bottle(route: str) -> str:
    return f"egress:\n  routes:\n    - {route}"


def flow(**keys: str) -> str:
    said = ", ".join(f"{key}: {value}" for key, value in {"host": "api.example.com", **keys}.items())
    return in_bottle(f"{{{said}}}")


def only_route(bottle: ReadBottle, **keys: str) -> ManifestRoute:
    routes = bottle(flow(**keys)).routes
    assert routes is not None
    return routes[0]


def test_man_13_a_host_alone_is_any_path_over_https_scanned_and_without_a_credential(bottle: ReadBottle) -> None:
    assert only_route(bottle) == ManifestRoute(HostPattern("api.example.com"))


def test_man_13_every_key_of_the_older_system_is_read(bottle: ReadBottle) -> None:
    route = only_route(
        bottle,
        path_allowlist="[/v1/, /v2]",
        role="claude_code_oauth",
        auth="{scheme: token, token_ref: FORGE_TOKEN}",
        pipelock="{tls_passthrough: true, ssrf_ip_allowlist: [100.78.141.42/32, 10.1.2.3, 'fd00::/8']}",
    )
    assert route == ManifestRoute(
        host=HostPattern("api.example.com"),
        paths=("/v1/", "/v2"),
        role="claude_code_oauth",
        auth=Auth("FORGE_TOKEN", "token"),
        scan=False,
        private_ips=(ip_network("100.78.141.42/32"), ip_network("10.1.2.3/32"), ip_network("fd00::/8")),
    )


@pytest.mark.parametrize(
    ("keys", "field", "value"),
    [
        ({"scheme": "http"}, "ports", (80,)),
        ({"scheme": "http", "ports": "[8080]"}, "ports", (8080,)),
        ({"ports": "[443, 8443]"}, "ports", (443, 8443)),
        ({"methods": "[GET, PROPFIND]"}, "methods", ("GET", "PROPFIND")),
        ({"path_allowlist": "[/, /@scope%2Fname]"}, "paths", ("/", "/@scope%2Fname")),
        ({"scan": "false"}, "scan", False),
        ({"scan": "true", "pipelock": "{tls_passthrough: false}"}, "scan", True),
        ({"scan": "false", "pipelock": "{tls_passthrough: true}"}, "scan", False),
        ({"auth": "{token_ref: T}"}, "auth", Auth("T", "Bearer", "Authorization")),
        ({"auth": "{token_ref: T, header: x-api-key}"}, "auth", Auth("T", "", "x-api-key")),
        ({"auth": '{token_ref: T, scheme: ""}'}, "auth", Auth("T", "", "Authorization")),
        ({"connect_to": "'1.1.1.1'"}, "connect_to", Endpoint(ip_address("1.1.1.1"))),
        ({"connect_to": "'1.1.1.1:8443'"}, "connect_to", Endpoint(ip_address("1.1.1.1"), 8443)),
        ({"connect_to": "'[2606:4700::1]:8443'"}, "connect_to", Endpoint(ip_address("2606:4700::1"), 8443)),
        ({"connect_to": "'2606:4700::1'"}, "connect_to", Endpoint(ip_address("2606:4700::1"))),
        (
            {"connect_to": "10.0.0.7", "pipelock": "{ssrf_ip_allowlist: [10.0.0.0/24]}"},
            "connect_to",
            Endpoint(ip_address("10.0.0.7")),
        ),
    ],
)
def test_route_keys_and_their_defaults(bottle: ReadBottle, keys: dict[str, str], field: str, value: Any) -> None:
    assert getattr(only_route(bottle, **keys), field) == value


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("API.Example.COM.", "api.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ('"*.example.com"', "*.example.com"),
        ("10.0.0.1", "10.0.0.1"),
        ('"[::1]"', "::1"),
    ],
)
def test_hosts_are_put_into_normal_form(bottle: ReadBottle, written: str, normal: str) -> None:
    routes = bottle(in_bottle(f"host: {written}")).routes
    assert routes is not None
    assert routes[0].host.text == normal


@pytest.mark.parametrize(
    "host",
    [
        "*.com",
        "*.co.uk",
        "*.github.io",
        "*.s3.amazonaws.com",
        "*.foo.ck",
        "*.公司.cn",
        "*.xn--55qx5d.cn",
        "*.GitHub.IO",
    ],
)
def test_a_wildcard_never_stands_under_a_public_suffix(refusal: Refusal, host: str) -> None:
    message, hint = refusal(in_bottle(f'host: "{host}"'))
    assert message.startswith("bottles/dev.md:4:13: egress.routes[0].host: ")
    assert hint


@pytest.mark.parametrize("host", ["*.example.com", "*.you.github.io", "*.bucket.s3.amazonaws.com", "*.corp.internal"])
def test_a_wildcard_may_stand_under_a_domain_of_one_owner(bottle: ReadBottle, host: str) -> None:
    assert bottle(in_bottle(f'host: "{host}"')).routes


REFUSED: list[tuple[dict[str, str], str, str]] = [
    ({"hosst": "x"}, ".hosst: unknown key", "did you mean 'host'?"),
    ({"path_allow": "x"}, ".path_allow: unknown key", "did you mean 'path_allowlist'?"),
    ({"host": "https://api.example.com"}, ".host: write the host alone", "path_allowlist"),
    ({"host": "api.example.com/v1"}, ".host: ", "path_allowlist"),
    ({"host": "api.example.com:8443"}, ".host: ", ""),
    ({"host": '"*"'}, ".host: a wildcard is", ""),
    ({"host": '"a.*.example.com"'}, ".host: a wildcard is", ""),
    ({"host": '"*.*.example.com"'}, ".host: ", ""),
    ({"host": "127.1"}, ".host: found the number 127.1, wanted a text", '"127.1"'),
    ({"host": "'0x7f.1'"}, ".host: an IPv4 address", ""),
    ({"host": "faß.de"}, ".host: contains a sharp s", ""),
    ({"host": "null"}, ": `host` is missing", "host: api.example.com"),
    ({"host": '""'}, ".host: is empty", ""),
    ({"host": '" a.example"'}, ".host: has spaces", ""),
    ({"scheme": "ftp"}, ".scheme: 'ftp' is not known", "http"),
    ({"ports": "443"}, ".ports: found the number 443, wanted a list of ports", "write `[443]`"),
    ({"ports": "[]"}, ".ports: an empty list", "leave the key out for port 443"),
    ({"ports": "['443']"}, ".ports[0]: found a text, wanted a whole number", ""),
    ({"ports": "[true]"}, ".ports[0]: found `true`, wanted a whole number", ""),
    ({"ports": "[0]"}, ".ports[0]: 0 is no port", "1 to 65535"),
    ({"ports": "[65536]"}, ".ports[0]: 65536 is no port", "1 to 65535"),
    ({"ports": "[443, 443]"}, ".ports[1]: stands in the list twice", ""),
    ({"ports": "[80]"}, ".ports[0]: port 80 speaks http", "scheme: http"),
    ({"scheme": "http", "ports": "[443]"}, ".ports[0]: port 443 speaks https", "scheme: https"),
    ({"scheme": "http", "auth": "{token_ref: T}"}, ".auth: a credential never travels over plain HTTP", ""),
    ({"methods": "[get]"}, ".methods[0]: 'get' is not in normal form", "write `GET`"),
    ({"methods": "[]"}, ".methods: an empty list", "every method"),
    ({"methods": "['GET POST']"}, ".methods[0]: is no HTTP method", ""),
    ({"methods": "[CONNECT]"}, ".methods[0]: CONNECT is never sent on", ""),
    ({"path_allowlist": "[]"}, ".path_allowlist: an empty list", "every path"),
    ({"path_allowlist": "/v1"}, ".path_allowlist: found a text, wanted a list of paths", "- "),
    ({"path_allowlist": "[v1]"}, ".path_allowlist[0]: a path starts with `/`", "write `/v1`"),
    ({"path_allowlist": "[/v1/*]"}, ".path_allowlist[0]: a path holds no `*`", "write `/v1/`"),
    ({"path_allowlist": "['/v1?x=1']"}, ".path_allowlist[0]: a path has no query", "write `/v1`"),
    ({"path_allowlist": "[/%76%31]"}, ".path_allowlist[0]: is not in normal form", "write `/v1`"),
    ({"path_allowlist": "[/@scope%2fname]"}, ".path_allowlist[0]: is not in normal form", "write `/@scope%2Fname`"),
    ({"path_allowlist": "[/a;b=c]"}, ".path_allowlist[0]: a path with parameters", "write `/a`"),
    ({"path_allowlist": "[/a%00]"}, ".path_allowlist[0]: the path holds an encoded", ""),
    ({"path_allowlist": "[/a%zz]"}, ".path_allowlist[0]: a `%` in the path is not followed by", ""),
    ({"path_allowlist": "['/a b']"}, ".path_allowlist[0]: the path is not `/` followed by", ""),
    ({"path_allowlist": "[/a/../b]"}, ".path_allowlist[0]: the path holds a dot segment", "without"),
    ({"path_allowlist": "[/a/%2e%2e/b]"}, ".path_allowlist[0]: the path holds a dot segment", "without"),
    ({"path_allowlist": "[/a, /a]"}, ".path_allowlist[1]: stands in the list twice", ""),
    ({"pipelock": "{tls_passtrough: true}"}, ".pipelock.tls_passtrough: unknown key", "tls_passthrough"),
    ({"pipelock": "{tls_passthrough: 1}"}, ".pipelock.tls_passthrough: found the number 1, wanted `true` or", ""),
    ({"pipelock": "{ssrf_ip_allowlist: [10.0.0.1/8]}"}, ".ssrf_ip_allowlist[0]: is not in", "write `10.0.0.0/8`"),
    ({"pipelock": "{ssrf_ip_allowlist: [10.0.0.0/255.0.0.0]}"}, ".ssrf_ip_allowlist[0]: is not", "`10.0.0.0/8`"),
    ({"pipelock": "{ssrf_ip_allowlist: ['FD00::/8']}"}, ".ssrf_ip_allowlist[0]: is not", "`fd00::/8`"),
    ({"pipelock": "{ssrf_ip_allowlist: [0.0.0.0/0]}"}, ".ssrf_ip_allowlist[0]: is every address", ""),
    ({"pipelock": "{ssrf_ip_allowlist: ['::/0']}"}, ".ssrf_ip_allowlist[0]: is every address", ""),
    ({"pipelock": "{ssrf_ip_allowlist: ['::ffff:10.0.0.1']}"}, ".ssrf_ip_allowlist[0]: is an IPv4", "`10.0.0.1/32`"),
    ({"pipelock": "{ssrf_ip_allowlist: [10.0.0.256]}"}, ".ssrf_ip_allowlist[0]: is no network", ""),
    ({"pipelock": "{ssrf_ip_allowlist: ['fe80::1%eth0']}"}, ".ssrf_ip_allowlist[0]: a network carries no", ""),
    ({"scan": "true", "pipelock": "{tls_passthrough: true}"}, ".scan: `scan` and `pipelock", "keep one"),
    ({"scan": "false", "pipelock": "{tls_passthrough: false}"}, ".scan: `scan` and `pipelock", "keep one"),
    ({"scan": "'yes'"}, ".scan: found a text, wanted `true` or `false`", ""),
    ({"connect_to": "localhost"}, ".connect_to: is a name", "write an address"),
    ({"connect_to": "10.0.0.7"}, ".connect_to: 10.0.0.7 is a private address", "ssrf_ip_allowlist: [10.0.0.7/32]"),
    ({"connect_to": "'169.254.169.254:80'"}, ".connect_to: 169.254.169.254 is a link-local", "ssrf_ip_allowlist"),
    ({"connect_to": "'1.1.1.1:0'"}, ".connect_to: a port is", ""),
    ({"auth": "{scheme: Bearer}"}, ".auth: `token_ref` is missing", "token_ref: STAGING_TOKEN"),
    ({"auth": "{token_ref: T, sheme: x}"}, ".auth.sheme: unknown key", "did you mean 'scheme'?"),
    ({"auth": "{token_ref: T, scheme: 'Bearer x'}"}, ".auth.scheme: is no authentication scheme", ""),
    ({"auth": '{token_ref: T, scheme: "a\\r\\nb"}'}, ".auth.scheme: holds a control", ""),
    ({"auth": "{token_ref: T, header: 'x-key:'}"}, ".auth.header: is no header name", "colon"),
    ({"auth": "{token_ref: T-1}"}, ".auth.token_ref: is not the name of an environment variable", ""),
    ({"role": "claude_oauth"}, ".role: 'claude_oauth' is not known", "claude_code_oauth"),
]


@pytest.mark.parametrize(("keys", "says", "hint"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_route_is_refused_with_place_key_and_remedy(
    refusal: Refusal, keys: dict[str, str], says: str, hint: str
) -> None:
    message, remedy = refusal(flow(**keys))
    assert message.startswith("bottles/dev.md:4:")
    assert "egress.routes[0]" in message
    assert says in message
    assert hint in remedy


@pytest.mark.parametrize(
    "header",
    [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "TE",
        "Upgrade",
        "Proxy-Authorization",
        "Sec-Fetch-Site",
    ],
)
def test_a_credential_is_never_put_into_a_header_that_frames_the_request(refusal: Refusal, header: str) -> None:
    message, _ = refusal(flow(auth=f"{{token_ref: T, header: {header}}}"))
    assert f"{header} frames or directs the request" in message


@pytest.mark.parametrize(
    "secret",
    ["ghp_16C7e42F292c6912E7710c838347Ae178B4a", "sk-ant-oat01-abc", "a3f9b2c4d5e6f708192a3b4c5d6e7f8091a2b3c4"],
)
@pytest.mark.parametrize(
    "head",
    [
        "egress: {{routes: [{{host: a.example, auth: {{token_ref: {}}}}}]}}",
        "agent_provider: {{template: claude, auth_token: {}}}",
    ],
)
def test_a_secret_in_the_place_of_its_name_is_refused_and_not_repeated(
    refusal: Refusal, head: str, secret: str
) -> None:
    message, hint = refusal(head.format(secret))
    assert "secret" in message or "environment variable" in message
    assert secret not in message + hint


@pytest.mark.parametrize("role", ["anthropic-base-url", "npm-registry", "git-insteadof", "tea-login"])
def test_roles_that_are_gone_are_refused_with_what_replaces_them(refusal: Refusal, role: str) -> None:
    message, hint = refusal(flow(role=role))
    assert f"role: '{role}' is not known here" in message
    assert hint.startswith("this role is gone: ")


@pytest.mark.parametrize("other", ["path_allowlist: [/v1]", "ports: [8443]", "methods: [GET]", "scheme: http"])
def test_one_host_may_have_several_routes(bottle: ReadBottle, other: str) -> None:
    routes = bottle(f"egress:\n  routes:\n  - host: a.example\n  - {{host: a.example, {other}}}").routes
    assert routes is not None
    assert len(routes) == 2


def test_two_routes_that_match_the_same_are_refused_with_both_places(refusal: Refusal) -> None:
    first = "{host: a.example, methods: [GET, PUT]}"
    second = "{host: A.example., methods: [PUT, GET], ports: [443], auth: {token_ref: T}}"
    message, hint = refusal(f"egress:\n  routes:\n  - {first}\n  - {second}")
    assert message.startswith(
        "bottles/dev.md:5:5: egress.routes[1]: the route matches exactly what that of line 4 does"
    )
    assert hint


def test_egress_without_routes_is_unfinished_and_an_empty_list_clears(bottle: ReadBottle, refusal: Refusal) -> None:
    assert bottle("egress: {routes: []}").routes == ()
    assert bottle("extends: claude").routes is None
    assert "egress: `routes` is missing" in refusal("egress: {}")[0]
    assert "egress: nothing stands after the key" in refusal("egress:")[0]
