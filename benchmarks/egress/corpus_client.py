"""The agent's end for the corpora: sends exactly the bytes of a case through the proxy and says how it was answered."""

import contextlib
import re
import socket
import ssl
import subprocess

from attrs import frozen

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_INSECURE = ssl.create_default_context()
_INSECURE.check_hostname = False
_INSECURE.verify_mode = ssl.CERT_NONE
QUIET = 0.3  # seconds without a byte, after which nothing more is expected


@frozen
class Reply:
    """What came back: of the CONNECT, where it was refused, else of what was sent inside."""

    said: bytes
    reset: bool = False

    @property
    def statuses(self) -> list[int]:
        return [int(found) for found in _STATUS.findall(self.said)]

    @property
    def is_refusal(self) -> bool:
        return bool(self.statuses) and 400 <= self.statuses[-1] < 500 and b"X-Bottle-Rule" in self.said

    @property
    def is_silent_close(self) -> bool:
        return not self.said


class Client:
    """Connections to one proxy."""

    def __init__(self, port: int) -> None:
        self.port = port

    def plain(self, data: bytes) -> Reply:
        """The bytes on the proxy's own port."""
        with self._connect() as connection:
            return _exchange(connection, data)

    def inside(self, authority: bytes, data: bytes, sni: str | None = "") -> Reply:
        """The bytes inside TLS, behind a CONNECT; `sni` is the CONNECT's host where it is empty."""
        with self._connect() as connection:
            connection.sendall(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (authority, authority))
            answer = _until(connection, b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200 "):
                return Reply(answer + _rest(connection).said)
            if sni == "":
                sni = authority.decode("latin-1").rpartition(":")[0].strip("[]").lower()
            try:
                with _INSECURE.wrap_socket(connection, server_hostname=sni or None) as secured:
                    return _exchange(secured, data)
            except OSError:
                return Reply(b"", reset=True)

    def named(self, authority: str, sni: str, data: bytes) -> Reply:
        """The same with a server name that Python's TLS would not send (an address)."""
        argv = ["openssl", "s_client", "-quiet", "-proxy", f"127.0.0.1:{self.port}", "-connect", authority]
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run([*argv, "-servername", sni], input=data, capture_output=True, timeout=5, check=False)
            return Reply(done.stdout)
        return Reply(b"", reset=True)

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def _exchange(connection: socket.socket, data: bytes) -> Reply:
    try:
        connection.sendall(data)
    except OSError:
        pass  # it may have been refused in the middle: what was said is still to be read
    return _rest(connection)


def _rest(connection: socket.socket) -> Reply:
    """All that comes until the other side hangs up or says nothing more for a moment."""
    said = b""
    connection.settimeout(5)
    try:
        while piece := connection.recv(262144):
            said += piece
            connection.settimeout(QUIET)
    except TimeoutError:
        pass
    except OSError:
        return Reply(said, reset=True)
    return Reply(said)


def _until(connection: socket.socket, end: bytes) -> bytes:
    data = b""
    while end not in data and (piece := connection.recv(65536)):
        data += piece
    return data
