"""TLS over a plain connection: a protocol towards the socket, a transport towards whoever speaks inside.

OpenSSL is driven through memory alone, as the event loop does it too, but with pieces that stay in the processor's
cache and without a failed read after each message (docs/decisions/0007 has what that saves).
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from sidecars.egress import limits

_RECORD: Final = 16 * 1024  # the most that one TLS record holds (RFC 8446 5.1)
# One memory for all connections: the loop fills it and `buffer_updated` empties it, with nothing in between.
_CIPHERTEXT: Final = memoryview(bytearray(limits.READ))
_PLAINTEXT: Final = memoryview(bytearray(limits.READ))

_SHAKING: Final = 0
_OPEN: Final = 1
_CLOSING: Final = 2  # our last word is said; the other side has a moment for its own
_CLOSED: Final = 3

Outcome = Callable[[OSError | None], None]


class TlsConnection(asyncio.BufferedProtocol, asyncio.Transport):
    """`inner` is connected once the handshake is complete; `outcome` hears how that went, exactly once and before."""

    def __init__(
        self, context: ssl.SSLContext, inner: asyncio.Protocol, outcome: Outcome, seconds: float, host: str | None
    ) -> None:
        """`host` is whose certificate is demanded; None on the server's side."""
        asyncio.Transport.__init__(self)
        self._inner = inner
        self._outcome = outcome
        self._seconds = seconds
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=host is None, server_hostname=host)
        # typeshed knows `read` without a buffer alone
        self._read: Callable[[int, memoryview[Any]], int] = self._tls.read  # type: ignore[assignment]
        self._loop = asyncio.get_running_loop()
        self._raw: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._state = _SHAKING
        self._is_paused = False
        self._is_ended = False  # the other side said goodbye
        self._will_send = False

    # A transport: what whoever speaks inside calls.

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Encrypts now; what the socket does not take at once waits as ciphertext in the transport beneath."""
        if self._state != _OPEN or not data:
            return
        try:
            self._tls.write(data)
        except OSError:
            self.abort()
        else:
            self._send_soon()

    def writelines(self, list_of_data: "Iterable[bytes | bytearray | memoryview[Any]]") -> None:
        for data in list_of_data:
            self.write(data)

    def pause_reading(self) -> None:
        self._is_paused = True
        if self._raw is not None:
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._loop.call_soon(self._resume)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """From now on somebody else speaks inside."""
        self._inner = cast("asyncio.Protocol", protocol)

    def is_closing(self) -> bool:
        return self._state != _OPEN or self._raw is None or self._raw.is_closing()

    def close(self) -> None:
        """Says goodbye, and waits a moment for the other side's: closed with bytes unread, the socket would be reset,
        and what is still on its way lost."""
        if self._state != _OPEN or self._raw is None:
            return
        self._say_goodbye()
        if self._raw.is_closing():
            return
        self._raw.write_eof()
        self._raw.resume_reading()
        self._timer = self._loop.call_later(limits.TLS_SHUTDOWN_SECONDS, self._leave)

    def abort(self) -> None:
        self._is_paused = True  # nothing more is given on
        if self._raw is not None:
            self._raw.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._tls
        return default if self._raw is None else self._raw.get_extra_info(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if self._raw is not None:
            self._raw.set_write_buffer_limits(high, low)

    # A protocol: what the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = cast("asyncio.Transport", transport)
        self._timer = self._loop.call_later(self._seconds, self._fail, ConnectionAbortedError())
        self._shake()

    def get_buffer(self, _sizehint: int) -> "memoryview[Any]":
        return _CIPHERTEXT

    def buffer_updated(self, nbytes: int) -> None:
        if self._state == _CLOSING:
            return  # nobody listens any more
        self._incoming.write(_CIPHERTEXT[:nbytes])
        if self._state == _OPEN:
            self._deliver()
        elif self._state == _SHAKING:
            self._shake()

    def eof_received(self) -> None:
        """The end, said in TLS or not; the transport beneath closes itself."""
        if self._state == _SHAKING:
            self._fail(ConnectionResetError())
        elif self._state == _OPEN:
            self._inner.eof_received()
            if self._state == _OPEN:
                self._say_goodbye()
                self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._state == _SHAKING:
            self._fail(exc if isinstance(exc, OSError) else ConnectionResetError())
            return
        self._stop_timer()
        self._raw = None
        if self._state != _CLOSED:
            self._state = _CLOSED
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._state != _SHAKING:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._state != _SHAKING:
            self._inner.resume_writing()

    # The handshake.

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
        except OSError as error:
            self._send()  # the alert that says why
            self._fail(error)
        else:
            self._send()
            self._stop_timer()
            self._state = _OPEN
            self._outcome(None)
            self._inner.connection_made(self)
            self._deliver()

    def _fail(self, error: OSError) -> None:
        self._state = _CLOSED
        self._stop_timer()
        if self._raw is not None:
            self._raw.close()
        self._outcome(error)

    # What passes.

    def _deliver(self) -> None:
        """Gives on what can be read, as long as it is wanted."""
        while self._state == _OPEN and not self._is_paused and self._incoming.pending and not self._is_ended:
            data = self._decrypted()
            if data:
                self._inner.data_received(data)
        if self._is_ended and self._state == _OPEN:
            self._inner.eof_received()
            self.close()

    def _resume(self) -> None:
        self._deliver()
        if self._state == _OPEN and not self._is_paused and self._raw is not None:
            self._raw.resume_reading()

    def _decrypted(self) -> bytes:
        """A good part of what came. To read on until OpenSSL wants more would cost an exception for each message."""
        data, incoming = b"", self._incoming
        try:
            if incoming.pending <= _RECORD:
                data = self._tls.read(_RECORD)
                self._is_ended = not data
            if incoming.pending and not self._is_ended:
                data += self._several()
        except ssl.SSLWantReadError:
            pass
        except OSError:  # it is no TLS any more
            self.abort()
        if self._outgoing.pending:  # OpenSSL answers alerts and key updates by itself
            self._send_soon()
        return data

    def _several(self) -> bytes:
        """Several records at once, in memory that is there already. Raises OSError."""
        size, read, incoming = 0, self._read, self._incoming
        try:
            while incoming.pending and size <= limits.READ - _RECORD:
                got = read(_RECORD, _PLAINTEXT[size:])
                if not got:
                    self._is_ended = True
                    break
                size += got
        except ssl.SSLWantReadError:
            pass
        return bytes(_PLAINTEXT[:size])

    def _send_soon(self) -> None:
        """Sends when the loop has handed out all that it read: what was written meanwhile goes in one piece, and the
        connections' sends follow each other closely, so that fewer of them have to wake a sleeping core (a tenth of a
        request's cost)."""
        if not self._will_send:
            self._will_send = True
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        self._will_send = False
        data = self._outgoing.read()
        if data and self._raw is not None and not self._raw.is_closing():
            self._raw.write(data)

    def _say_goodbye(self) -> None:
        self._state = _CLOSING
        try:
            self._tls.unwrap()
        except OSError:  # the other side's goodbye is not there yet
            pass
        self._send()

    def _leave(self) -> None:
        """What is still to be sent has as long as anything else that nobody takes."""
        if self._raw is not None:
            self._raw.close()
            self._timer = self._loop.call_later(limits.AGENT_STALL_SECONDS, self._raw.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
