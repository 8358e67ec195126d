"""Every spelling of a host has one normal form or none."""

# ruff: noqa: RUF001 - look-alike characters are the attack
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.domain.hosts import (
    Authority,
    HostPattern,
    InvalidHostError,
    address_of,
    authority,
    bracketed,
    host_in_manifest,
    host_on_the_wire,
    port_on_the_wire,
)

TRICKY = st.text(st.sampled_from("aZ09.-_:[]%@/\\#?;,' \t\0xé。０ſ"), max_size=24)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        pytest.param("api.example.com", "api.example.com", id="normal already"),
        pytest.param("API.Example.COM", "api.example.com", id="case"),
        pytest.param("api.example.com.", "api.example.com", id="root dot"),
        pytest.param("xn--bcher-kva.example", "xn--bcher-kva.example", id="A-label"),
        pytest.param("localhost", "localhost", id="one label"),
        pytest.param("_acme.example.com", "_acme.example.com", id="underscore"),
        pytest.param("3com.example", "3com.example", id="digit first"),
        pytest.param("1.2.3.4.example", "1.2.3.4.example", id="an address in front of a name is a name"),
        pytest.param("192.0.2.7", "192.0.2.7", id="IPv4"),
        pytest.param("192.0.2.7.", "192.0.2.7", id="IPv4 with root dot"),
        pytest.param("[2001:DB8:0::1]", "2001:db8::1", id="IPv6"),
        pytest.param("[64:ff9b::192.0.2.33]", "64:ff9b::c000:221", id="IPv6 with dotted tail"),
    ],
)
def test_hosts_on_the_wire(text: str, normal: str) -> None:
    assert host_on_the_wire(text) == normal


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param(".", "empty", id="root"),
        pytest.param("a..b", "label", id="empty label"),
        pytest.param("a.b..", "label", id="two root dots"),
        pytest.param(".a.b", "label", id="leading dot"),
        pytest.param("-a.b", "label", id="leading hyphen"),
        pytest.param("a-.b", "label", id="trailing hyphen"),
        pytest.param(f"{'a' * 64}.b", "label", id="long label"),
        pytest.param(".".join(["a" * 60] * 5), "at most 253", id="long name"),
        pytest.param("*.example.com", "label", id="wildcard"),
        pytest.param("a.b\0.c", "label", id="NUL"),
        pytest.param("a.b\n", "label", id="trailing newline"),
        pytest.param(" a.b", "label", id="space"),
        pytest.param("a.b\t", "label", id="tab"),
        pytest.param("a.b\r\nX: y", "brackets", id="header injection"),
        pytest.param("a.b%00.c", "label", id="percent"),
        pytest.param("%31%32%37.0.0.1", "IPv4", id="percent-encoded address"),
        pytest.param("user@a.b", "label", id="userinfo"),
        pytest.param("a.b\\@c.d", "label", id="backslash"),
        pytest.param("a.b#c.d", "label", id="fragment"),
        pytest.param("a.b?c.d", "label", id="query"),
        pytest.param("a.b/c.d", "label", id="slash"),
        pytest.param("127.0.0.1;.a.b", "label", id="semicolon"),
        pytest.param("a.b,c.d", "label", id="two hosts"),
        pytest.param("'a.b'", "label", id="quotes"),
        pytest.param("2130706433", "IPv4", id="decimal address"),
        pytest.param("0x7f000001", "IPv4", id="hexadecimal address"),
        pytest.param("0X7F.0.0.1", "IPv4", id="hexadecimal part"),
        pytest.param("017700000001", "IPv4", id="octal address"),
        pytest.param("0177.0.0.1", "IPv4", id="octal part"),
        pytest.param("127.1", "IPv4", id="two parts"),
        pytest.param("127.0.1", "IPv4", id="three parts"),
        pytest.param("1.2.3.4.5", "IPv4", id="five parts"),
        pytest.param("256.1.1.1", "IPv4", id="overflow"),
        pytest.param("4294967297", "IPv4", id="overflowing decimal"),
        pytest.param("a.0x", "IPv4", id="a last label that WHATWG takes for a number"),
        pytest.param("0", "IPv4", id="zero"),
        pytest.param("a.b.9", "IPv4", id="numeric top level"),
        pytest.param("::1", "brackets", id="bare IPv6"),
        pytest.param("[::1", "brackets", id="open bracket"),
        pytest.param("[]", "no IPv6", id="empty brackets"),
        pytest.param("[::1%25eth0]", "zone", id="zone"),
        pytest.param("[v1.a]", "no IPv6", id="IPvFuture"),
        pytest.param("[1.2.3.4]", "no IPv6", id="IPv4 in brackets"),
        pytest.param("[::ffff:10.0.0.1]", "IPv4-mapped", id="mapped, dotted"),
        pytest.param("[0:0:0:0:0:FFFF:0a00:0001]", "IPv4-mapped", id="mapped, written out"),
        pytest.param("bücher.example", "ASCII", id="U-label"),
        pytest.param("１２７.0.0.1", "ASCII", id="full-width digits"),
        pytest.param("①②⑦.0.0.1", "ASCII", id="circled digits"),
        pytest.param("api。example。com", "ASCII", id="ideographic dots"),
        pytest.param("api.ex\u200bample.com", "ASCII", id="zero-width space"),
        pytest.param("ſapi.example.com", "ASCII", id="long s"),
        pytest.param("\u212aapi.example.com", "ASCII", id="kelvin sign"),
    ],
)
def test_hosts_that_have_no_normal_form(text: str, why: str) -> None:
    with pytest.raises(InvalidHostError, match=why):
        host_on_the_wire(text)


@given(st.one_of(TRICKY, st.text(max_size=40), st.ip_addresses().map(str), st.ip_addresses(v=6).map("[{}]".format)))
def test_a_normal_form_is_its_own(text: str) -> None:
    try:
        host = host_on_the_wire(text)
    except InvalidHostError:
        return
    assert host_on_the_wire(bracketed(host)) == host
    assert host_in_manifest(host) == host
    assert host.isascii()
    assert host == host.lower()


@given(TRICKY)
def test_what_inet_aton_might_take_for_an_address_is_one_or_is_refused(text: str) -> None:
    try:
        host = host_on_the_wire(text)
    except InvalidHostError:
        return
    if host.rpartition(".")[2].isdigit():
        assert isinstance(address_of(host), ipaddress.IPv4Address)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        pytest.param("bücher.example", "xn--bcher-kva.example", id="international"),
        pytest.param("BÜCHER.Example", "xn--bcher-kva.example", id="international, capitals"),
        pytest.param("日本語。example", "xn--wgv71a119e.example", id="ideographic dot between international labels"),
        pytest.param("2001:db8::1", "2001:db8::1", id="IPv6 without brackets"),
        pytest.param("[2001:db8::1]", "2001:db8::1", id="IPv6 with brackets"),
    ],
)
def test_hosts_that_people_write(text: str, normal: str) -> None:
    assert host_in_manifest(text) == normal


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("https://a.b", "host alone", id="URL"),
        pytest.param("a.b:443", "ports", id="port"),
        pytest.param("[::1]:443", "ports|brackets", id="IPv6 and port"),
        pytest.param("a.b/c", "host alone", id="path"),
        pytest.param("me@a.b", "host alone", id="user"),
        pytest.param("a.b ", "host alone", id="space"),
        pytest.param("straße.example", "sharp s", id="IDNA 2003 and 2008 differ"),
        pytest.param("ａｐｉ.example.com", "disguised spelling of api.example.com", id="full-width"),
        pytest.param("①②⑦.⓪.⓪.①", "disguised spelling of 127.0.0.1", id="circled address"),
        pytest.param("\ud800.example", "international", id="surrogate"),
    ],
)
def test_hosts_that_people_should_write_otherwise(text: str, why: str) -> None:
    with pytest.raises(InvalidHostError, match=why):
        host_in_manifest(text)


@given(st.one_of(TRICKY, st.text(max_size=40)))
def test_a_manifest_never_yields_a_host_that_the_wire_could_not(text: str) -> None:
    try:
        host = host_in_manifest(text)
    except InvalidHostError:
        return
    assert host_on_the_wire(bracketed(host)) == host


@pytest.mark.parametrize("text", ["1", "80", "443", "65535"])
def test_ports(text: str) -> None:
    assert port_on_the_wire(text) == int(text)


@pytest.mark.parametrize(
    "text", ["", "0", "00443", "+443", "-1", " 443", "443 ", "443\n", "65536", "0x1bb", "４４３", "1e3"]
)
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(InvalidHostError):
        port_on_the_wire(text)


def test_an_authority_is_read_and_written() -> None:
    assert authority("A.b:8443") == Authority("a.b", 8443)
    assert authority("a.b", 443) == Authority("a.b", 443)
    assert authority("[::1]:80") == Authority("::1", 80)
    assert str(Authority("::1", 80)) == "[::1]:80"
    assert authority(str(Authority("a.b", 80))) == Authority("a.b", 80)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a.b", "port is missing"),
        ("a.b:", "a port is"),
        ("a.b:443@c.d", "user information"),
        ("me@a.b:443", "user information"),
        ("a.b:80:443", "a port is"),
        ("::1:443", "empty"),
        ("[::1]443", "brackets"),
        ("[::1]:443]", "a port is"),
        ("http://a.b", "a port is"),
        ("a.b:443, c.d", "a port is"),
        (":443", "empty"),
        ("", "missing"),
    ],
)
def test_authorities_that_are_none(text: str, why: str) -> None:
    with pytest.raises(InvalidHostError, match=why):
        authority(text)


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("a.example.com", "a.example.com", True),
        ("a.example.com", "b.a.example.com", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "b.a.example.com", False),
        ("*.example.com", "aexample.com", False),
        ("*.example.com", ".example.com", False),
        ("*.example.com", "a.example.com.evil.example", False),
        ("*.Example.com.", "a.example.com", True),
        ("10.0.0.1", "10.0.0.1", True),
    ],
)
def test_patterns(pattern: str, host: str, *, expected: bool) -> None:
    assert HostPattern.parse(pattern).matches(host) is expected


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("*", "wildcard"),
        ("*.", "empty"),
        ("*.com", "too broad"),
        ("*.*.example.com", "label"),
        ("a.*.example.com", "wildcard"),
        ("a*.example.com", "wildcard"),
        ("*.10.0.0.1", "no subdomains"),
        ("*.0.0.1", "IPv4"),
    ],
)
def test_patterns_that_are_none(pattern: str, why: str) -> None:
    with pytest.raises(InvalidHostError, match=why):
        HostPattern.parse(pattern)


@given(TRICKY)
def test_a_pattern_is_its_own_normal_form(text: str) -> None:
    try:
        pattern = HostPattern.parse(text)
    except InvalidHostError:
        return
    assert HostPattern.parse(bracketed(pattern.text)) == pattern


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stra\u00dfe.example", "sharp s"),
        ("\u03b2\u03cc\u03bb\u03bf\u03c2.example", "final sigma"),
        ("a\u200cb.example", "zero-width non-joiner"),
        ("a\u200db.example", "zero-width joiner"),
    ],
)
def test_a_name_that_two_standards_read_as_two_is_refused(name: str, said: str) -> None:
    with pytest.raises(InvalidHostError, match=said):
        host_in_manifest(name)
