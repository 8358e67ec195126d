"""WebSocket servers and clients for the tests: the real `websockets` at both ends, and raw frames by hand."""

import base64
import hashlib
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any

from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_websocket
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.egress.harness import Received, Sidecar, TestCa, read_head, server_context, tunnel, wait_until

FIN = 0x80
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def _chat(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return next((name for name in offered if name == "chat"), None)


class EchoServer:
    """A server of the `websockets` library that sends back what it gets, unless `handle` says otherwise."""

    def __init__(self, ca: TestCa, host: str, handle: Callable[[ServerConnection], None] | None = None) -> None:
        self.opened: list[ServerConnection] = []
        self._handle = handle
        context = server_context(*ca.issue(host))
        self._server = serve(
            self._serve, "127.0.0.1", 0, ssl=context, max_size=2**27, select_subprotocol=_chat, ping_interval=None
        )
        self.port: int = self._server.socket.getsockname()[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _serve(self, connection: ServerConnection) -> None:
        self.opened.append(connection)
        if self._handle is not None:
            self._handle(connection)
            return
        for message in connection:
            connection.send(message)

    def close(self) -> None:
        self._server.shutdown()


def open_websocket(sidecar: Sidecar, url: str, **more: Any) -> ClientConnection:
    """The real client through the proxy."""
    context = ssl.create_default_context(cafile=str(sidecar.ca_file))
    options: dict[str, Any] = {"ssl": context, "max_size": 2**27, "ping_interval": None, **more}
    opened: ClientConnection = connect_websocket(url, proxy=f"http://127.0.0.1:{sidecar.port}", **options)
    return opened


def accept(received: Received, *more: str, key: str | None = None) -> bytes:
    """The 101 that answers a handshake."""
    key = received.header("sec-websocket-key")[0] if key is None else key
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols", "Upgrade: WebSocket", "Connection: keep-alive, Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}", *more,
    ]  # fmt: skip
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def frame(first: int, payload: bytes = b"", *, masked: bool, length: bytes | None = None) -> bytes:
    """One frame as RFC 6455 5.2 has it; `length` replaces the length field (without the mask bit)."""
    if length is None:
        size = len(payload)
        long = struct.pack("!BH", 126, size) if size < 65536 else struct.pack("!BQ", 127, size)
        length = bytes([size]) if size < 126 else long
    if not masked:
        return bytes([first]) + length + payload
    mask = os.urandom(4)
    hidden = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes([first, length[0] | 0x80]) + length[1:] + mask + hidden


def read_frame(connection: socket.socket) -> tuple[int, bytes, bool]:
    """First byte, payload, and whether it was masked; (-1, b"", False) at the end of the connection."""
    start = _exactly(connection, 2)
    if len(start) < 2:
        return -1, b"", False
    size = start[1] & 0x7F
    if size >= 126:
        size = int.from_bytes(_exactly(connection, 2 if size == 126 else 8))
    mask = _exactly(connection, 4) if start[1] & 0x80 else b""
    payload = _exactly(connection, size)
    if mask:
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return start[0], payload, bool(mask)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    try:
        while len(data) < size and (piece := connection.recv(size - len(data))):
            data += piece
    except (ConnectionResetError, ssl.SSLError):
        pass
    return data


class RawPair:
    """Both ends of a WebSocket through the proxy as plain connections, for what no library would send."""

    def __init__(self, more: str = "") -> None:
        self.more = more
        self.origin: socket.socket | None = None
        self._over = threading.Event()

    def answer(self, received: Received, connection: socket.socket) -> None:
        """What an `Origin` does with the handshake."""
        connection.sendall(accept(received))
        self.origin = connection
        connection.settimeout(60)
        self._over.wait(120)

    def open(self, sidecar: Sidecar, host: str) -> socket.socket:
        connection = tunnel(sidecar, f"{host}:443")
        connection.sendall(handshake(host, self.more))
        assert read_head(connection).startswith(b"HTTP/1.1 101 ")
        wait_until(lambda: self.origin is not None)
        return connection

    @property
    def far(self) -> socket.socket:
        assert self.origin is not None
        return self.origin

    def close(self) -> None:
        self._over.set()


def handshake(host: str, more: str = "", key: str = "AAAAAAAAAAAAAAAAAAAAAA==") -> bytes:
    return (
        f"GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{more}\r\n"
    ).encode()
