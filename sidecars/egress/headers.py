"""What each header name means to the way out: passed on, dropped, or looked at.

Names are looked up in their raw spelling and remembered, so that a name costs one dictionary access once it was seen.
An underscore counts as a hyphen: CGI and WSGI servers read `X_Api_Key` and `X-Api-Key` as one header.
"""

import re
from typing import Final, NamedTuple

from bottle.domain.headers import folded, is_credential_header
from bottle.domain.secret_shapes import as_header_name

PASS: Final = 0
SINGLE: Final = 1  # passed on, but two of them have no agreed meaning
DROP: Final = 2  # hop-by-hop (RFC 9110 7.6.1), or the agent's own credential
HOST: Final = 3
LENGTH: Final = 4
CODING: Final = 5
CONNECTION: Final = 6
EXPECT: Final = 7
UPGRADE: Final = 8
NEGOTIATED: Final = 10  # passed on where the response need not be looked into
PACKING: Final = 11  # passed on, and looked at
WEBSOCKET: Final = 9  # of a handshake: checked, and never passed on as it is
METHOD: Final = 12  # passed on where it repeats the request line's method
PLACE: Final = 13  # names a place besides the target: passed on where the route takes every path

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_REMEMBERED = 2048

_KINDS: dict[str, int] = {
    "host": HOST,
    "content-length": LENGTH,
    "transfer-encoding": CODING,
    "connection": CONNECTION,
    "expect": EXPECT,
    "upgrade": UPGRADE,
    "content-type": SINGLE,
    "content-range": SINGLE,
    "accept-encoding": NEGOTIATED,
    "accept-charset": NEGOTIATED,
    "a-im": NEGOTIATED,
    "range": NEGOTIATED,
    "if-range": NEGOTIATED,
    "content-encoding": PACKING,
    **{f"sec-websocket-{word}": WEBSOCKET for word in ("key", "version", "protocol", "extensions", "accept")},
    **dict.fromkeys(("x-http-method-override", "x-http-method", "x-method-override"), METHOD),
    **{f"x-{cloud}-copy-source": PLACE for cloud in ("amz", "bce", "cos", "goog", "ms", "obs", "oss", "tos")},
    **dict.fromkeys(
        ("destination", "x-copy-from", "x-object-manifest", "x-symlink-target", "x-ms-rename-source"), PLACE
    ),
    **dict.fromkeys(("keep-alive", "proxy-connection", "proxy-authenticate", "te", "trailer", "http2-settings"), DROP),
}

# What a proxy in front of a server tells it about the request: scheme, host, path, client, who was signed in. There is
# none before us, and a server that believed the agent would read another request than the one that was judged. `Proxy`
# is no such header, but what CGI makes of it (HTTP_PROXY) names the proxy of the server's own requests. The last two
# are the same in HTTP's own words: where else the origin may be had (RFC 7838), in an answer and in what is asked next.
_RESTATING = frozenset(
    ("forwarded", "x-forwarded", "x-original-url", "x-original-uri", "x-original-host", "x-original-method", "x-host",
     "x-rewrite-url", "x-rewrite-uri", "x-http-host-override", "x-url-scheme", "x-scheme", "front-end-https",
     "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-originating-ip", "true-client-ip", "cf-connecting-ip",
     "fastly-client-ip", "x-azure-clientip", "x-azure-socketip", "x-custom-ip-authorization", "x-override-url",
     "x-http-path-override", "x-http-destinationurl", "x-arr-original-url", "x-waws-unencoded-url", "x-proxy-url",
     "x-proxy-host", "x-backend-host", "x-envoy-internal", "x-envoy-external-address", "remote-user", "x-webauth-user",
     "proxy", "alt-svc", "alt-used")
)  # fmt: skip
_RESTATING_BEGINNINGS = (
    "x-forwarded-", "x-forward-", "x-envoy-original-", "x-ms-original-", "x-remote-", "x-middleware-", "x-ssl-client-",
    "ssl-client-", "x-client-cert", "x-auth-request-", "x-goog-authenticated-user-", "x-amzn-oidc-",
    "x-ms-client-principal", "tailscale-user-",
)  # fmt: skip


_PASSED: Final = (PASS, SINGLE, NEGOTIATED, PACKING)


class HeaderName(NamedTuple):
    """A name as it is written on (`Content-Type`), in lower case, and what it means here."""

    written: bytes
    lower: bytes
    kind: int


def header_name(raw: bytes) -> HeaderName | None:
    """What the name means; None for bytes that are no header name (RFC 9110 5.6.2)."""
    return KNOWN.get(raw) or _learn(raw)


KNOWN: Final[dict[bytes, HeaderName]] = {}
"""What was seen already. Bounded: names come from outside."""


def _learn(raw: bytes) -> HeaderName | None:
    if len(raw) > 256 or _TOKEN.match(raw) is None:
        return None
    text = raw.decode("ascii").lower()
    if is_credential_header(text) or _restates(folded(text)):
        kind = DROP
    elif text in _KINDS:
        kind = _KINDS[text]
    else:
        # `Content_Length` is no framing to us, yet might be to a server behind the server: not passed on at all.
        kind = PASS if _KINDS.get(folded(text), PASS) in _PASSED else DROP
    lower = raw.lower()
    name = HeaderName(as_header_name(raw), lower, kind)
    if len(KNOWN) < _REMEMBERED:
        KNOWN[raw] = name
    return name


def _restates(name: str) -> bool:
    """Whether the header says again what request line and Host say, or where the host may be found otherwise."""
    return name in _RESTATING or name.startswith(_RESTATING_BEGINNINGS)
