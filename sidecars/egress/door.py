"""Which host a request is for, when all that names one says the same. Pure: heads in, names out.

CONNECT target, server name (see `tls`), Host and an absolute target must agree; where two of them differ there is no
right one.
"""

from typing import NamedTuple

from attrs import frozen

from bottle.domain.egress import Scheme
from bottle.domain.hosts import Authority, InvalidHostError, authority
from sidecars.egress.refusal import Refused, refused
from sidecars.egress.wire import RequestHead

_PORTS: dict[Scheme, int] = {"https": 443, "http": 80}
_HELP = "this is a proxy: set HTTP_PROXY and HTTPS_PROXY to it, and send requests to the hosts themselves"


class Named(NamedTuple):
    """What a request is for, before it is judged; the target is in origin form, as it was sent."""

    scheme: Scheme
    authority: Authority
    target: str


@frozen
class Inside:
    """The host and port of a CONNECT, and the spellings of Host that need no second look."""

    authority: Authority
    spellings: frozenset[str]

    @classmethod
    def of(cls, authority: Authority) -> "Inside":
        spellings = {str(authority)} | ({authority.host} if authority.port == _PORTS["https"] else set())
        return cls(authority, frozenset(spellings))


def connect_authority(head: RequestHead) -> Authority:
    """The host and port of a CONNECT; raises Refused. Host may be absent (Python sends none) but not differ."""
    try:
        named = authority(head.target)
        if head.host is not None and authority(head.host, named.port) != named:
            raise refused(421, "host.mismatch", "CONNECT target and Host name different hosts")
    except InvalidHostError as error:
        raise refused(400, "host.invalid", f"CONNECT: {error}") from None
    if head.chunked or head.length:
        raise refused(400, "http.malformed", "a CONNECT has no body")
    return named


def named_inside(head: RequestHead, inside: Inside) -> Named:
    """What a request inside the TLS connection is for; raises Refused."""
    connected = inside.authority
    if head.method == "CONNECT":
        raise refused(403, "connect.nested", "a tunnel inside a tunnel is not opened")
    if head.host in inside.spellings and head.target.startswith("/"):
        return Named("https", connected, head.target)
    scheme, named, target = _split(head.target, "https", connected)
    if scheme != "https" or named != connected or _host(head, "https") != connected:
        raise refused(421, "host.mismatch", f"the connection is to {connected}, the request names another host")
    return Named("https", connected, target)


def named_outside(head: RequestHead) -> Named:
    """What a request on the proxy's own port is for: an absolute target over plain HTTP. Raises Refused."""
    if head.target.startswith("/") or head.target == "*":
        raise refused(400, "proxy.direct", _HELP)
    scheme, named, target = _split(head.target, "http", None)
    if scheme != "http":
        raise refused(400, "proxy.https", "an https request goes through CONNECT")
    if _host(head, "http") != named:
        raise refused(421, "host.mismatch", "target and Host name different hosts")
    return Named("http", named, target)


def _host(head: RequestHead, scheme: Scheme) -> Authority:
    if head.host is None:
        raise refused(400, "host.missing", "there is no Host header")
    try:
        return authority(head.host, _PORTS[scheme])
    except InvalidHostError as error:
        raise refused(400, "host.invalid", f"Host: {error}") from None


def _split(target: str, scheme: Scheme, connected: Authority | None) -> tuple[str, Authority, str]:
    """Scheme, authority and origin form of a target that may be absolute (RFC 9112 3.2.2)."""
    if connected is not None and (target.startswith("/") or target == "*"):
        return scheme, connected, target
    found, separator, rest = target.partition("://")
    found = found.lower()
    if not separator or found not in ("http", "https"):
        raise _no_target()
    cut = next((at for at, character in enumerate(rest) if character in "/?#\\"), len(rest))
    try:
        named = authority(rest[:cut], _PORTS["https" if found == "https" else "http"])
    except InvalidHostError as error:
        raise refused(400, "host.invalid", f"the target: {error}") from None
    path = rest[cut:]
    return found, named, path if path.startswith("/") else f"/{path}"


def _no_target() -> Refused:
    return refused(400, "target.form", "the request target is neither a path nor an absolute http or https URL")
