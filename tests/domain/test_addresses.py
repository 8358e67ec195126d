"""Which addresses are public."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.domain.addresses import covers, kind_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0.0.0.0", "this network"),
        ("10.0.0.5", "private"),
        ("172.17.0.1", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "carrier-grade NAT"),
        ("100.100.100.200", "carrier-grade NAT"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("168.63.129.16", "cloud platform"),
        ("169.254.169.254", "link-local or metadata"),
        ("192.0.0.192", "protocol assignments"),
        ("198.18.0.1", "benchmarking"),
        ("224.0.0.251", "multicast"),
        ("255.255.255.255", "reserved or broadcast"),
        ("::", "reserved"),
        ("::1", "loopback"),
        ("::127.0.0.1", "reserved"),
        ("::ffff:127.0.0.1", "IPv4-mapped"),
        ("::ffff:8.8.8.8", "IPv4-mapped"),
        ("::ffff:0:7f00:1", "reserved"),
        ("64:ff9b::7f00:1", "NAT64"),
        ("64:ff9b:1::a00:5", "NAT64"),
        ("100::1", "reserved"),
        ("5f00::1", "reserved"),
        ("2001::1", "protocol assignments or Teredo"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::", "6to4"),
        ("3fff::1", "documentation"),
        ("2606:4700::5efe:10.0.0.5", "ISATAP"),
        ("2606:4700::200:5efe:10.0.0.5", "ISATAP"),
        ("fd00:ec2::254", "private"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("2606:4700::1%lo", "link-local"),
        ("fec0::1", "reserved"),
        ("ff02::fb", "multicast"),
    ],
)
def test_addresses_that_are_not_public(text: str, kind: str) -> None:
    assert kind_of(ipaddress.ip_address(text)) == kind


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "128.0.0.1",
        "168.63.129.17",
        "172.32.0.1",
        "192.167.255.255",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450::200e",
    ],
)
def test_public_addresses(text: str) -> None:
    assert kind_of(ipaddress.ip_address(text)) is None


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_knows_to_be_private(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
    ):
        assert kind_of(address) is not None


def test_a_network_covers_its_own_family_alone() -> None:
    ten = [ipaddress.ip_network("10.0.0.0/8")]
    assert covers(ten, ipaddress.ip_address("10.1.2.3"))
    assert not covers(ten, ipaddress.ip_address("11.1.2.3"))
    assert not covers(ten, ipaddress.ip_address("::ffff:10.1.2.3"))
    assert not covers([ipaddress.ip_network("::/0")], ipaddress.ip_address("10.1.2.3"))
    assert not covers([], ipaddress.ip_address("10.1.2.3"))
