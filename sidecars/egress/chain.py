"""Through a proxy behind the way out: a CONNECT of our own for what was judged, and a plain answer to it."""

import asyncio
import base64
import re
from typing import Final, cast

from bottle.domain.hosts import Authority
from bottle.domain.upstream_proxy import UpstreamProxy
from sidecars.egress import limits
from sidecars.egress.refusal import Refused, refused

_RULE: Final = "upstream.proxy"
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([2-5][0-9]{2})[ \r]")


async def open_tunnel(proxy: UpstreamProxy, place: Authority) -> asyncio.Transport:
    """A connection to the place, made by the proxy, and not read from yet. Raises Refused."""
    loop = asyncio.get_running_loop()
    chain = Chain(proxy, place, loop.create_future())
    try:
        await loop.create_connection(lambda: chain, proxy.authority.host, proxy.authority.port)
    except OSError as error:
        reason = f"the upstream proxy {proxy.authority} is not reached: {error.strerror or type(error).__name__}"
        raise refused(502, _RULE, reason) from None
    try:
        return await chain.opened
    except (Refused, asyncio.CancelledError):
        chain.abort()
        raise


class Chain(asyncio.Protocol):
    """A connection to the proxy until it has answered; whoever awaits `opened` takes the connection over."""

    def __init__(self, proxy: UpstreamProxy, place: Authority, opened: "asyncio.Future[asyncio.Transport]") -> None:
        self.opened = opened
        self._proxy = proxy
        self._place = place
        self._held = bytearray()
        self._transport: asyncio.Transport | None = None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(connect_request(self._proxy, self._place))

    def data_received(self, data: bytes) -> None:
        self._held += data
        if self._transport is None or self.opened.done():
            return
        try:
            is_open = reads_as_open(bytes(self._held), self._place)
        except Refused as refusal:
            self.opened.set_exception(refusal)
            return
        if is_open:
            self._transport.pause_reading()
            self.opened.set_result(self._transport)

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.opened.done():
            reason = f"the upstream proxy hung up before it answered for {self._place}"
            self.opened.set_exception(refused(502, _RULE, reason))


def connect_request(proxy: UpstreamProxy, place: Authority) -> bytes:
    """The whole request; the credential goes to the proxy alone (RFC 9110 11.7.2)."""
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.credential:
        packed = base64.b64encode(proxy.credential.encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {packed}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def reads_as_open(head: bytes, place: Authority) -> bool:
    """Whether the proxy's answer is complete and says that the connection stands. Raises Refused.

    Its status alone is quoted: what else a proxy says could repeat the credential. Bytes behind the answer would be
    read as the origin's, which has nothing to say before it is spoken to.
    """
    if b"\n" not in head and len(head) <= limits.PROXY_HEAD:
        return False
    line = _STATUS_LINE.match(head)
    if line is None:
        raise refused(502, _RULE, "the upstream proxy does not answer in HTTP")
    status = int(line[1])
    if status in (401, 407):  # tinyproxy says 401 where it is given none
        reason = f"the upstream proxy wants another credential in BOT_BOTTLE_UPSTREAM_PROXY ({status})"
        raise refused(502, _RULE, reason)
    if status >= 300:
        raise refused(502, _RULE, f"the upstream proxy refuses a connection to {place} ({status})")
    end = head.find(b"\r\n\r\n")
    if len(head) > limits.PROXY_HEAD or 0 <= end < len(head) - 4:
        raise refused(502, _RULE, "the upstream proxy says more than its answer")
    return end >= 0
