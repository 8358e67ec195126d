"""The HTTP proxy behind the way out, where a network lets nothing out but through one (`BOT_BOTTLE_UPSTREAM_PROXY`)."""

import re
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from bottle.domain.hosts import Authority, InvalidHostError, address_of, authority

_DEFAULT_PORT = 80  # of an http URL (RFC 9110 4.2.1)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class InvalidProxyError(ValueError):
    """The text names no proxy. The message never quotes it: it could hold a password."""


@frozen
class UpstreamProxy:
    """Where the proxy is, and `user:password` for it (empty for none)."""

    authority: Authority
    credential: str = field(default="", repr=False)

    @property
    def password(self) -> str:
        return self.credential.partition(":")[2]


def is_on_loopback(place: Authority) -> bool:
    """Whether only programs of one machine, or of one container, reach it."""
    address = address_of(place.host)
    return is_localhost(place.host) if address is None else address.is_loopback


def is_localhost(host: str) -> bool:
    """Whether a name in normal form means the machine that looks it up (RFC 6761 6.3)."""
    return host == "localhost" or host.endswith(".localhost")


def parse_upstream_proxy(text: str) -> UpstreamProxy:
    """The proxy of a URL `http://[user:password@]host[:port]`, user and password percent-encoded where they have to be.

    Raises InvalidProxyError.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() != "http":
        raise InvalidProxyError("a URL of the form http://[user:password@]host[:port] belongs here")
    userinfo, at, place = rest.removesuffix("/").rpartition("@")
    if re.search(r"[/?#\\\s]", place):
        raise InvalidProxyError("a proxy's URL has no path, query or space")
    try:
        named = authority(place, _DEFAULT_PORT)
    except InvalidHostError as error:
        raise InvalidProxyError(f"the proxy's host: {error}") from None
    return UpstreamProxy(named, checked_credential(_decoded(userinfo)) if at else "")


def checked_credential(text: str) -> str:
    """The text, where it can be sent as `user:password` (RFC 7617 2); raises InvalidProxyError."""
    if ":" not in text or _CONTROL.search(text):
        raise InvalidProxyError("a proxy's credential is `user:password` without control characters")
    return text


def _decoded(userinfo: str) -> str:
    try:
        return unquote_to_bytes(userinfo).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidProxyError("the proxy's user or password is not UTF-8") from None
