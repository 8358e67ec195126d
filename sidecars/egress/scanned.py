"""A request's body on its way through the scanner: what is little at once, what is much on a thread beside the loop."""

import asyncio
from collections.abc import Callable

from bottle.domain.dlp.finding import Finding
from bottle.domain.dlp.stream import Leak, Stream
from sidecars.scanner.guard import threads

_Passed = tuple[bytes, bool]


class Scanned:
    """Pieces go in by `feed` and `finish`; what may pass comes out in order, or one leak and then nothing more."""

    def __init__(
        self, stream: Stream, on_passed: Callable[[bytes, bool], None], on_leak: Callable[[Leak], None]
    ) -> None:
        """`on_passed` is given bytes and whether they are the last."""
        self._stream = stream
        self._on_passed = on_passed
        self._on_leak = on_leak
        self._waiting = bytearray()
        self._has_ended = False
        self._is_over = False
        self._job: asyncio.Future[_Passed] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a thread is at work, so that more had better wait."""
        return self._job is not None

    def feed(self, data: bytes) -> None:
        """The next piece."""
        self._waiting += data
        if self._job is None and self._stream.is_due(len(self._waiting), is_last=False):
            self._go_on()  # else no piece is whole yet, and nothing of it could pass

    def finish(self) -> None:
        """There are no more pieces."""
        self._has_ended = True
        self._go_on()

    def stop(self) -> None:
        """Nobody wants to hear of it any more."""
        self._is_over = True
        self._waiting.clear()

    def _go_on(self) -> None:
        if self._job is not None or self._is_over:
            return
        data, is_last = bytes(self._waiting), self._has_ended
        self._waiting.clear()
        if self._stream.is_due(len(data), is_last=is_last):
            self._hand_over(data, is_last)
        else:
            self._take(lambda: self._scan_at_once(data, is_last))

    def _hand_over(self, data: bytes, is_last: bool) -> None:
        self._job = asyncio.get_running_loop().run_in_executor(threads(), self._scan, data, is_last)
        self._job.add_done_callback(self._done)

    def _scan_at_once(self, data: bytes, is_last: bool) -> _Passed | None:
        """On the loop; None where that would block it, and the end is still to be looked at."""
        passed = self._stream.feed(data)
        rest = self._stream.finish_at_once() if is_last else b""
        return None if rest is None else (passed + rest, is_last)

    def _scan(self, data: bytes, is_last: bool) -> _Passed:
        passed = self._stream.feed(data)
        return passed + self._stream.finish() if is_last else passed, is_last

    def _done(self, job: "asyncio.Future[_Passed]") -> None:
        self._job = None
        if self._is_over:
            job.exception()  # has been asked for, so that nobody warns of it
            return
        self._take(job.result)
        if self._waiting or (self._has_ended and not self._is_over):
            self._go_on()

    def _take(self, outcome: Callable[[], _Passed | None]) -> None:
        try:
            passed = outcome()
        except Leak as leak:
            self.stop()
            self._on_leak(leak)
            return
        except Exception as error:  # noqa: BLE001 - whatever it was, the content was not judged
            asyncio.get_running_loop().call_exception_handler({"exception": error})
            self.stop()
            self._on_leak(Leak(Finding("dlp.failed", "the scanner failed", "the body")))
            return
        if passed is None:
            self._hand_over(b"", is_last=True)
            return
        self._is_over = passed[1]
        self._on_passed(*passed)
