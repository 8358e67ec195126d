"""Host names and ports in the one normal form in which they are judged, dialled and written.

A host is an A-label DNS name in lower case without the trailing dot, or an IP address in its canonical spelling.
Whatever else a client sends is refused rather than repaired, because two programs that repair differently are how a
judged name and a dialled name come apart.
"""

import ipaddress
import re

from attrs import frozen

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_NUMERIC_LABEL = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\Z")
_MAX_NAME = 253  # RFC 1035 2.3.4, written without the trailing dot

# IDNA 2003 and 2008 map these characters to different names (UTS 46, section 7): nobody can say which host was meant.
_AMBIGUOUS = {
    "ß": "sharp s",
    "ς": "final sigma",
    "\u200c": "zero-width non-joiner",
    "\u200d": "zero-width joiner",
}


class InvalidHostError(ValueError):
    """The text names no host in normal form; the message says why."""


def host_on_the_wire(text: str) -> str:
    """The host that a client named, in normal form. Case and one trailing dot are folded; all else must be normal.

    Raises InvalidHostError for everything that some program might read as another host: non-ASCII names, numeric
    spellings of addresses that inet_aton takes (RFC 6943 3.1.1), zone identifiers, empty labels, control characters.
    """
    if not text.isascii():
        raise InvalidHostError("a host on the wire is ASCII; an international name is sent in its xn-- form")
    if text.startswith("[") and text.endswith("]"):
        return _ipv6(text[1:-1])
    if ":" in text:
        raise InvalidHostError("an IPv6 address stands in brackets")
    name = text.lower().removesuffix(".")
    if _looks_numeric(name):
        return _ipv4(name)
    return _dns_name(name)


def host_in_manifest(text: str) -> str:
    """The host that a person wrote, in normal form.

    International names become their xn-- form, by the part of IDNA 2003 on which IDNA 2008 agrees.

    Raises InvalidHostError, with the spelling to use where there is one.
    """
    if ":" in text and not text.startswith("["):
        try:
            return _ipv6(text)
        except InvalidHostError:
            raise InvalidHostError("write the host alone; ports have a key of their own, `ports:`") from None
    if re.search(r"[/?#@\\\s]", text):
        raise InvalidHostError("write the host alone, without scheme, path, user or spaces")
    if text.isascii():
        return host_on_the_wire(text)
    for character, title in _AMBIGUOUS.items():
        if character in text:
            raise InvalidHostError(f"contains a {title}, which programs map differently; write the xn-- form")
    try:
        ascii_name = text.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise InvalidHostError(f"is no international host name ({error})") from None
    if not re.search(r"(?:\A|\.)xn--", ascii_name):
        # Full-width letters and circled digits only look international: nameprep turns them into another, plain host.
        raise InvalidHostError(f"is a disguised spelling of {ascii_name}; write that, if it is meant")
    return host_on_the_wire(ascii_name)


def port_on_the_wire(text: str) -> int:
    """A decimal port from 1 to 65535 without sign, space or leading zero; raises InvalidHostError."""
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > 65535:
        raise InvalidHostError("a port is a number from 1 to 65535")
    return int(text)


def authority(text: str, default_port: int | None = None) -> "Authority":
    """`host[:port]` as it stands in a CONNECT target, a Host header or an absolute target.

    Raises InvalidHostError for userinfo, for a missing port where `default_port` is None, and for whatever a host or
    port may not be.
    """
    if "@" in text:
        raise InvalidHostError("an authority carries no user information")
    host, separator, port = _split_port(text)
    if separator:
        return Authority(host_on_the_wire(host), port_on_the_wire(port))
    if default_port is None:
        raise InvalidHostError("the port is missing")
    return Authority(host_on_the_wire(host), default_port)


@frozen
class Authority:
    """A host in normal form and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    """The host as it stands in front of a port: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def address_of(host: str) -> IPAddress | None:
    """The address, where a host in normal form is one; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@frozen
class HostPattern:
    """One host, or with `*.` in front every host exactly one label below it. `text` is in normal form."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "HostPattern":
        """The pattern that a person wrote; raises InvalidHostError."""
        if not text.startswith("*."):
            if "*" in text:
                raise InvalidHostError("a wildcard is `*.` in front of a name, once, for one level")
            return cls(host_in_manifest(text))
        parent = host_in_manifest(text[2:])
        if address_of(parent) is not None:
            raise InvalidHostError("an address has no subdomains")
        if "." not in parent:
            raise InvalidHostError(f"a wildcard under the whole of `.{parent}` is too broad")
        return cls(f"*.{parent}")

    @property
    def is_wildcard(self) -> bool:
        return self.text.startswith("*.")

    def matches(self, host: str) -> bool:
        """Whether `host`, in normal form, is meant."""
        if not self.is_wildcard:
            return host == self.text
        label, _, parent = host.partition(".")
        return bool(label) and parent == self.text[2:]


def _split_port(text: str) -> tuple[str, str, str]:
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise InvalidHostError("an IPv6 address stands in brackets")
        return host + bracket, rest[:1], rest[1:]
    return text.partition(":")


def _looks_numeric(name: str) -> bool:
    """Whether inet_aton would take the name for an address: its last label is a number in some base."""
    return _NUMERIC_LABEL.match(name.rpartition(".")[2]) is not None


def _ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise InvalidHostError("an IPv4 address is four decimal numbers without leading zeros") from None


def _ipv6(text: str) -> str:
    if "%" in text:
        raise InvalidHostError("an address carries no zone identifier")
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise InvalidHostError("is no IPv6 address") from None
    if address.ipv4_mapped is not None:
        # One host with two identities, and Python 3.13 spells it differently from 3.11.
        raise InvalidHostError("an IPv4-mapped address is written as the IPv4 address")
    return str(address)


def _dns_name(name: str) -> str:
    if not name:
        raise InvalidHostError("the host is empty")
    if len(name) > _MAX_NAME:
        raise InvalidHostError(f"a host name has at most {_MAX_NAME} characters")
    for label in name.split("."):
        if _LABEL.match(label) is None:
            raise InvalidHostError("a label of a host name is 1 to 63 letters, digits, underscores and inner hyphens")
    return name
