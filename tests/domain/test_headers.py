"""By which headers a client says who it is."""

import pytest

from bottle.domain.egress import CREDENTIAL_HEADERS, Injection, Route
from bottle.domain.headers import MARKS, is_credential_header, is_credential_protocol
from bottle.domain.hosts import HostPattern

BENIGN = [
    "accept",
    "accept-encoding",
    "anthropic-version",
    "anthropic-beta",
    "content-type",
    "content-encoding",
    "cookie",
    "etag",
    "git-protocol",
    "host",
    "idempotency-key",
    "if-none-match",
    "npm-command",
    "npm-session",
    "openai-organization",
    "pacote-integrity",
    "range",
    "traceparent",
    "user-agent",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-atlassian-token",
    "x-checksum-sha256",
    "x-csrf-token",
    "x-github-api-version",
    "x-goog-api-client",
    "x-ms-version",
    "x-request-id",
    "x-stainless-package-version",
    "x-xsrf-token",
    "sec-websocket-key",
]


@pytest.mark.parametrize("name", sorted(CREDENTIAL_HEADERS))
def test_known_credentials_in_any_spelling(name: str) -> None:
    assert name == name.lower().replace("_", "-")
    assert all(
        is_credential_header(spelling)
        for spelling in (name, name.upper(), name.title(), name.replace("-", "_"), name.replace("-", "."))
    )


@pytest.mark.parametrize(
    "name", ["X-Acme-Api-Key", "x!acme!api!key", "x-acme-access-token", "X_Acme_Auth_Token", "acme-client-secret"]
)
def test_the_class_not_only_the_case(name: str) -> None:
    assert is_credential_header(name)


@pytest.mark.parametrize("name", BENIGN)
def test_what_is_no_credential(name: str) -> None:
    assert not is_credential_header(name)


def test_a_route_also_removes_the_header_that_it_puts_in() -> None:
    host = HostPattern("a.example")
    plain, cookie = Route(host), Route(host, inject=Injection("Cookie", "", "SLOT"))
    assert not plain.removes("Cookie")
    assert cookie.removes("cookie")
    assert cookie.removes("COOKIE")
    assert plain.removes("Authorization")
    assert cookie.removes("X_API_KEY")


@pytest.mark.parametrize("mark", MARKS)
def test_no_mark_hides_a_credential(mark: str) -> None:
    """Whatever a name may hold beside letters, some server takes for a hyphen."""
    assert is_credential_header(f"X{mark}Api{mark}Key")


@pytest.mark.parametrize(
    ("protocol", "is_one"),
    [
        ("openai-insecure-api-key.sk-x", True),
        ("OpenAI-Insecure-API-Key.sk-x", True),
        ("base64url.bearer.authorization.k8s.io.dG9rZW4", True),
        ("header-eyJob3N0Ijoi", True),
        ("realtime", False),
        ("graphql-transport-ws", False),
        ("x-openai-insecure-api-key.", False),
    ],
)
def test_a_subprotocol_that_is_a_credential(protocol: str, *, is_one: bool) -> None:
    assert is_credential_protocol(protocol) is is_one
