"""A WebSocket's opening handshake (RFC 6455 4). Pure: heads in, header lines out.

The agent's is checked and answered by us; the origin gets one of our own, with a key of our own, and has to answer it.
No extension is offered onwards: permessage-deflate would pack messages with a window that goes on from one to the next,
and what is looked for in them could not be found without unpacking all of them.
"""

import base64
import binascii
import hashlib
import os
import re
from typing import Final

from attrs import define, field

from bottle.domain.headers import is_credential_protocol
from sidecars.egress.refusal import refused
from sidecars.egress.wire import RequestHead, ResponseHead

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}\Z")
_MOST_PROTOCOLS = 32
_RULE = "websocket.handshake"


def _new_key() -> bytes:
    return base64.b64encode(os.urandom(16))


@define(eq=False)
class Opening:
    """A handshake that the agent began in order, and ours with the origin."""

    _agents_key: bytes
    _protocols: tuple[bytes, ...]
    """What the agent offers without the credentials that hide there."""
    _key: bytes = field(factory=_new_key)

    @property
    def lines(self) -> bytes:
        """What the request to the origin says of the upgrade."""
        offered = b"Sec-WebSocket-Protocol: %b\r\n" % b", ".join(self._protocols) if self._protocols else b""
        return (
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: %b\r\n%b" % (self._key, offered)
        )

    def complete(self, head: ResponseHead) -> None:
        """Makes the origin's 101 into ours. Raises Refused unless it answers what was asked (RFC 6455 4.1)."""
        said = head.websocket
        chosen = said.get(b"sec-websocket-protocol")
        if head.upgrade != b"websocket" or said.get(b"sec-websocket-accept") != accept_for(self._key):
            raise refused(502, _RULE, "the origin's 101 does not answer this handshake")
        if b"sec-websocket-extensions" in said:
            raise refused(502, _RULE, "the origin uses a WebSocket extension that it was not offered")
        if chosen is not None and chosen not in self._protocols:
            raise refused(502, _RULE, "the origin chose a WebSocket protocol that it was not offered")
        if head.chunked or head.length:
            raise refused(502, _RULE, "the origin's 101 announces a body")
        head.length = None
        head.lines += [b"Connection: Upgrade\r\n", b"Upgrade: websocket\r\n"]
        head.lines.append(b"Sec-WebSocket-Accept: %b\r\n" % accept_for(self._agents_key))
        if chosen is not None:
            head.lines.append(b"Sec-WebSocket-Protocol: %b\r\n" % chosen)


def opening_of(head: RequestHead) -> Opening | None:
    """The handshake that a request begins; None for a request that asks for no upgrade. Raises Refused for any other.

    h2c and the like are refused: what would follow is not read here. Clients fall back on a 426 at once.
    """
    if not head.upgrade:
        return None
    if head.upgrade != b"websocket":
        raise refused(426, "http.upgrade", "nothing but HTTP/1.1 and WebSocket passes here")
    if head.method != "GET" or head.version != "1.1" or head.chunked or head.length:
        raise refused(400, _RULE, "a WebSocket is opened by a GET of HTTP/1.1 without a body")
    if head.websocket.get(b"sec-websocket-version") != b"13":
        raise refused(400, _RULE, "Sec-WebSocket-Version is not 13")
    key = head.websocket.get(b"sec-websocket-key", b"")
    if not _is_key(key):
        raise refused(400, _RULE, "Sec-WebSocket-Key is not the base64 of 16 bytes")
    return Opening(key, _protocols(head.websocket.get(b"sec-websocket-protocol")))


def accept_for(key: bytes) -> bytes:
    """What proves that a handshake was understood (RFC 6455 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())


def _is_key(key: bytes) -> bool:
    try:
        return len(key) == 24 and len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


def _protocols(value: bytes | None) -> tuple[bytes, ...]:
    """The protocols offered. One that carries a credential is not passed on, as no such header is (domain.headers)."""
    if value is None:
        return ()
    offered = [word.strip(b" \t") for word in value.split(b",")]
    if len(offered) > _MOST_PROTOCOLS or len(set(offered)) < len(offered):
        raise refused(400, _RULE, "Sec-WebSocket-Protocol names one protocol twice, or too many")
    if not all(_TOKEN.match(word) for word in offered):
        raise refused(400, _RULE, "Sec-WebSocket-Protocol holds what is no protocol's name")
    return tuple(word for word in offered if not is_credential_protocol(word.decode("ascii")))
