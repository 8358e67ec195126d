"""What the agent says over a WebSocket, on its way through the scanner."""

from bottle.domain.dlp.stream import Leak, Stream
from sidecars.egress.refusal import Refused, of_leak
from sidecars.scanner.guard import Guard

_REMEMBERED = 4096  # of what was said: a secret may end in another message than it began in


class Spoken:
    """Messages one after another, and what control frames carry beside them. Raises Refused for what must not pass."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._message: Stream | None = None
        self._before = b""
        self._cut = b""

    def piece(self, piece: bytes, is_final: bool) -> bytes:
        """The next piece of a message; what may pass of it, in whole characters."""
        if self._message is None:
            self._message = self._guard.message(self._before)
        self._before = (self._before + piece)[-_REMEMBERED:]
        try:
            passed = self._message.feed(piece)
            if is_final:
                passed += self._message.finish()
                self._message = None
        except Leak as leak:
            raise Refused(of_leak(leak)) from None
        passed, self._cut = self._cut + passed, b""
        if is_final:
            return passed
        whole = _whole(passed)
        self._cut = passed[whole:]
        return passed[:whole]

    def signal(self, payload: bytes) -> None:
        """What a control frame carries, alone and behind what was signalled before."""
        self._before = (self._before + payload)[-_REMEMBERED:]
        try:
            self._guard.check(self._before, "the WebSocket control frame")
        except Leak as leak:
            raise Refused(of_leak(leak)) from None


def _whole(data: bytes) -> int:
    """How many of the bytes are whole characters, if they are UTF-8 (RFC 3629 3)."""
    for back in range(1, min(4, len(data)) + 1):
        first = data[-back]
        if first >= 0xC0:
            needs = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
            return len(data) if back >= needs else len(data) - back
        if first < 0x80:
            break
    return len(data)
