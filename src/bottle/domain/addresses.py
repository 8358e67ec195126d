"""Which addresses are the public Internet, and what the others are.

Own table rather than `ipaddress.is_global`, whose answer changed between Python's patch releases (gh-113171) and which
knows neither translated nor tunnelled forms. Source: the IANA IPv4 and IPv6 special-purpose address registries.
"""

import ipaddress
from collections.abc import Iterable

from bottle.domain.hosts import IPAddress

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_SPECIAL: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("168.63.129.16/32", "cloud platform"),  # a public number that Azure answers from inside every machine
    ("169.254.0.0/16", "link-local or metadata"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "AS112"),
    ("192.52.193.0/24", "AMT"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "AS112"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved or broadcast"),
    # IPv6: what is not global unicast (2000::/3) is refused as a whole by `kind_of`; these lie inside it.
    ("2001::/23", "protocol assignments or Teredo"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "AS112"),
    ("3fff::/20", "documentation"),
)
_TABLE: tuple[tuple[IPNetwork, str], ...] = tuple((ipaddress.ip_network(text), kind) for text, kind in _SPECIAL)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_WELL_KNOWN_V6 = (
    (ipaddress.IPv6Network("::1/128"), "loopback"),
    (ipaddress.IPv6Network("::ffff:0:0/96"), "IPv4-mapped"),
    (ipaddress.IPv6Network("64:ff9b::/96"), "NAT64"),
    (ipaddress.IPv6Network("64:ff9b:1::/48"), "NAT64"),
    (ipaddress.IPv6Network("fc00::/7"), "private"),
    (ipaddress.IPv6Network("fe80::/10"), "link-local"),
    (ipaddress.IPv6Network("ff00::/8"), "multicast"),
)

# RFC 5214 6.1: the interface identifier `[02]00:5efe:` is followed by the IPv4 address that the packet is tunnelled to.
_ISATAP = 0x00005EFE
_ISATAP_MASK = 0xFDFFFFFF


def kind_of(address: IPAddress) -> str | None:
    """What kind of non-public address this is, in a word or two; None for a public one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return "link-local"
        if address not in _GLOBAL_UNICAST:
            return next((kind for network, kind in _WELL_KNOWN_V6 if address in network), "reserved")
        if int(address) >> 32 & _ISATAP_MASK == _ISATAP:
            return "ISATAP"
    return next((kind for network, kind in _TABLE if address.version == network.version and address in network), None)


def covers(networks: Iterable[IPNetwork], address: IPAddress) -> bool:
    """Whether one of the networks holds the address; an IPv4-mapped address is not looked through."""
    return any(address.version == network.version and address in network for network in networks)
