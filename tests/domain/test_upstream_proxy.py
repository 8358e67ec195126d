"""The proxy behind the way out, as an operator names it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.domain.hosts import Authority
from bottle.domain.upstream_proxy import InvalidProxyError, UpstreamProxy, is_on_loopback, parse_upstream_proxy


@pytest.mark.parametrize(
    ("text", "host", "port", "credential"),
    [
        ("http://proxy.corp:3128", "proxy.corp", 3128, ""),
        ("HTTP://Proxy.Corp:3128/", "proxy.corp", 3128, ""),
        ("http://proxy.corp", "proxy.corp", 80, ""),
        ("http://10.0.0.1:8080", "10.0.0.1", 8080, ""),
        ("http://[2001:db8::1]:8080", "2001:db8::1", 8080, ""),
        ("http://sam:hush@proxy.corp:3128", "proxy.corp", 3128, "sam:hush"),
        ("http://sam:h%40%3A%2Fh@proxy.corp:3128", "proxy.corp", 3128, "sam:h@:/h"),
        ("http://corp%5Csam:@proxy.corp:3128", "proxy.corp", 3128, "corp\\sam:"),
        ("http://sam:p@ss@proxy.corp:3128", "proxy.corp", 3128, "sam:p@ss"),
        ("http://s%C3%A4m:h@proxy.corp:3128", "proxy.corp", 3128, "s\u00e4m:h"),
    ],
)
def test_a_url_names_host_port_and_credential(text: str, host: str, port: int, credential: str) -> None:
    assert parse_upstream_proxy(text) == UpstreamProxy(Authority(host, port), credential)


@pytest.mark.parametrize(
    "text",
    [
        "", "proxy.corp:3128", "https://sam:hush@proxy.corp", "socks5://sam:hush@proxy.corp", "http://",
        "http://sam:hush@proxy.corp/path", "http://sam:hush@proxy.corp?x", "http://sam:hush@pro xy",
        "http://sam:hush@proxy.corp:0", "http://sam:hush@proxy.corp:99999", "http://sam:hush@127.1:80",
        "http://hush@proxy.corp:3128", "http://sam:hush%0d%0aX@proxy.corp", "http://sam:hush%ff@proxy.corp",
        "http://sam:hush\\@x@proxy.corp\\:80",
    ],
)  # fmt: skip
def test_what_names_no_proxy_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(InvalidProxyError) as told:
        parse_upstream_proxy(text)
    assert "hush" not in str(told.value)


@given(st.text(max_size=40))
def test_any_text_is_a_proxy_or_an_error(text: str) -> None:
    try:
        found = parse_upstream_proxy(f"http://{text}")
    except InvalidProxyError:
        return
    assert "\r" not in found.credential + found.authority.host
    assert "\n" not in found.credential + found.authority.host


def test_the_password_is_in_no_repr() -> None:
    assert "hush" not in repr(parse_upstream_proxy("http://sam:hush@proxy.corp:3128"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("a.localhost", True), ("127.9.9.9", True), ("::1", True), ("proxy.corp", False),
     ("172.17.0.1", False), ("127.example.com", False)],
)  # fmt: skip
def test_loopback_is_known_by_name_and_address(host: str, expected: bool) -> None:
    assert is_on_loopback(Authority(host, 3128)) is expected
