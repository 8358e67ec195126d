"""Content that comes in pieces, with what is packed or encoded in it and goes on from one piece to the next."""

from collections.abc import Iterator
from typing import Final

from attrs import define, field

from bottle.domain.dlp.bases import Decoder64, open_run
from bottle.domain.dlp.engine import Engine, Report
from bottle.domain.dlp.finding import Finding
from bottle.domain.dlp.packing import (
    LONGEST_HEAD,
    BrokenError,
    Opening,
    Unpacker,
    UnreadableError,
    inputs,
    openings,
    require_open,
)
from bottle.domain.dlp.telling import is_text
from bottle.domain.dlp.unmarked import packing_of

DEEPEST: Final = 8
"""Encodings within encodings; what is still readable below is refused."""

_GATHERED = 128 * 1024  # unpacked bytes that are looked at together
_VAIN = 256  # beginnings of packed content that are none, within one piece; and one more for each so many bytes:
_BYTES_A_VAIN = 128
_GOING_ON = 8  # streams that go on from piece to piece at once, in all layers: each takes a share of every piece
_ENDLESS = 4  # streams that begin in one piece and do not end there: each unpacks all that follows
_LITTLE = 64  # bytes that come out of noise before it turns out to be that
# Bytes that an unpacker may keep before their content comes out: a block of bzip2's, of zstd's (RFC 8878 3.1.1.2).
_LAG_BZIP2 = 1024 * 1024
_LAG_ZSTD = 256 * 1024
_LAG = 64 * 1024
_LAGS: Final = {"bzip2": _LAG_BZIP2, "zstd": _LAG_ZSTD}
_NO_END = "content full of packed content that has no end"
_EDGE: Final = LONGEST_HEAD - 1  # bytes that may begin what the next piece makes recognisable


@define
class Budget:
    """How much may be unpacked: what a small piece may grow to, and how often more than was sent; and from how many
    streams at once."""

    free: int = 64 * 1024 * 1024
    ratio: int = 64
    _going_on: int = field(default=0, init=False)

    def earn(self, sent: int) -> None:
        """So much more came in."""
        self.free += sent * self.ratio

    def spend(self, unpacked: int) -> None:
        """Raises UnreadableError once too much was unpacked."""
        self.free -= unpacked
        if self.free < 0:
            raise UnreadableError("packed content that grows beyond what is looked into")

    def go_on(self, streams: int) -> None:
        """So many streams more go on, or fewer. Raises UnreadableError once there are too many."""
        self._going_on += streams
        if self._going_on > _GOING_ON:
            raise UnreadableError(_NO_END)


@define(eq=False)
class Layer:
    """One layer of content. `budget` is shared with the layers in it."""

    engine: Engine
    tell: Report
    budget: Budget
    via: tuple[str, ...] = ()
    tail: bytes = b""
    is_open: bool = False
    """Whether something long may have begun in the last piece that was looked at."""
    _offset: int = 0
    _near: int | None = None  # so much of the tail is looked at again; None for all of it
    _packed: "list[Packed]" = field(factory=list)
    _run: "Run | None" = None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing goes on beyond the last piece."""
        return not self._packed and self._run is None

    @property
    def has_begun(self) -> bool:
        """Whether anything was looked at."""
        return self._offset > 0

    @property
    def hold(self) -> int:
        """How many of the last bytes may yet belong to what the next piece will tell."""
        run = 2 * self._run.layer.hold if self._run is not None else 0
        return max(self.engine.window, run, *(packed.hold for packed in self._packed))

    def feed(self, fresh: bytes, *, is_last: bool) -> bool:
        """Looks at the next piece; whether all that is in it began in it, or in the window before, and is over with it.

        Raises UnreadableError for content that cannot be looked into.
        """
        before = self.tail if self._near is None else self.tail[-self._near :]
        data, offset = before + fresh, self._offset - len(before)
        require_open(data)
        was_quiet = self.is_quiet
        goes_on = self._run is not None and self._run.feed(fresh, is_last=is_last)
        cut = (offset > 0, not is_last)
        looked = self.engine.look(data, self.tell, offset, self.via, deep=not goes_on, cut=cut)
        self.is_open = looked.is_open
        for one in looked.within:
            self._enter("an encoding", one)
        self._unpack(fresh, is_last=is_last)
        if not goes_on:
            self._run = None if is_last else self._begun(data)
        self.pass_over(fresh)
        return was_quiet and self.is_quiet

    def pass_over(self, fresh: bytes, *, is_apart: bool = False) -> None:
        """Takes a piece that needs no look, for what stands behind it; of which what `is_apart` needs little."""
        self._near = self.engine.near if is_apart else None
        self._offset += len(fresh)
        self.tail = (self.tail + fresh)[-self.engine.window :]

    def _enter(self, via: str, data: bytes) -> None:
        """Looks at whole content that was found in this one."""
        inner = self._inner(via)
        if inner is not None:
            inner.feed(data, is_last=True)
            self.is_open |= inner.is_open

    def _inner(self, via: str) -> "Layer | None":
        if len(self.via) >= DEEPEST:
            self.tell(Finding("dlp.depth", "content that is encoded more often than is looked into", via=self.via))
            return None
        return Layer(self.engine, self.tell, self.budget, (*self.via, via))

    def _unpack(self, fresh: bytes, *, is_last: bool) -> None:
        """Looks into what is packed in the piece: what goes on in it, and what begins in it. A stream hides none that
        stands in it: who wants that one begins there."""
        going = [packed for packed in self._packed if packed.feed(fresh, is_last=is_last)]
        opened = Opened(self, self.tail[-_EDGE:], fresh)
        going += opened.streams(is_last=is_last)
        if is_last:
            going.clear()
        self.budget.go_on(len(going) - len(self._packed))
        self._packed = going
        if opened.small:
            self._enter("packed content", b"\n".join(opened.small))

    def open(self, opening: Opening) -> "Packed | None":
        """What unpacks there; None where this packing is not known."""
        make = self.engine.unpackers.get(opening.packing)
        if make is None or (inner := self._inner(opening.packing)) is None:
            return None
        return Packed(make(), inner, max(_LAG, _LAGS.get(opening.packing, 0)), opening.data)

    def _begun(self, data: bytes) -> "Run | None":
        """The run of base64 that the end of the data has cut, if it is long."""
        first = open_run(data)
        if first is None or len(self.via) >= DEEPEST:
            return None
        inner = self._inner("base64")
        if inner is None:
            return None
        run = Run(inner, Decoder64())
        run.feed(data[first:], is_last=False)
        return run


@define(eq=False)
class Opened:
    """The packed content that begins in one piece."""

    layer: Layer
    before: bytes
    """The last bytes before the piece, in which the head of some may begin."""
    fresh: bytes
    small: list[bytes] = field(factory=list)
    """What is whole and little; a pack of git's holds thousands of such."""

    def streams(self, *, is_last: bool) -> "list[Packed]":
        """What has begun and goes on in the next piece, or was cut off. Raises UnreadableError."""
        going, vain = [], 0
        data = self.before + self.fresh
        for opening in self._openings(data):
            packed = self.layer.open(opening)
            if packed is None:
                continue
            goes_on = packed.feed(data, is_last=is_last)
            if packed.is_broken and packed.unpacked < _LITTLE:
                vain += 1
                if vain > _VAIN + len(data) // _BYTES_A_VAIN:
                    raise UnreadableError("content full of what looks packed and is not")
                if is_text(packed.rest):  # it may be broken on purpose
                    self.small.append(packed.rest)
            elif goes_on:
                going.append(packed)
                if len(going) > _ENDLESS:
                    raise UnreadableError(_NO_END)
            else:
                self.small.append(packed.rest)
        return going

    def _openings(self, data: bytes) -> Iterator[Opening]:
        engine = self.layer.engine
        if not self.layer.has_begun and (packing := packing_of(self.fresh, engine.unpackers)) is not None:
            yield Opening(len(self.before), len(self.before), packing)
        yield from openings(data, len(self.before), engine.hints.magics(data))


@define(eq=False)
class Packed:
    """A stream of packed content, and the layer of what it unpacks to."""

    unpacker: Unpacker
    layer: Layer
    lag: int
    _ahead: int
    """How many of the next bytes stand before it."""
    left: list[bytes] = field(factory=list)
    """Unpacked, and not looked at yet: when the stream is over, this is for whoever opened it."""
    unpacked: int = 0
    is_broken: bool = False
    _size: int = 0
    _has_passed: bool = False

    @property
    def hold(self) -> int:
        """How many of the last packed bytes may yet turn out to hold something."""
        return self.lag + self.layer.hold

    @property
    def rest(self) -> bytes:
        """What is left, in one piece: it may itself be packed."""
        return b"".join(self.left)

    def feed(self, data: bytes, *, is_last: bool) -> bool:
        """Unpacks the data; whether it had more to say when that ended."""
        start, self._ahead = self._ahead, max(0, self._ahead - len(data))
        goes_on = self._unpack(data, start)
        if self._has_passed or goes_on:
            self._pass_on(is_last=is_last or not goes_on)
        return goes_on

    def _unpack(self, data: bytes, start: int) -> bool:
        try:
            for _, piece in inputs(data, start):
                for unpacked in self.unpacker.pieces(piece):
                    self._gather(unpacked)
                if self.unpacker.eof:
                    return False
        except BrokenError:
            self.is_broken = True
        return not self.is_broken

    def _gather(self, unpacked: bytes) -> None:
        self.layer.budget.spend(len(unpacked))
        self.unpacked += len(unpacked)
        self.left.append(unpacked)
        self._size += len(unpacked)
        if self._size >= _GATHERED:
            self._pass_on(is_last=False)

    def _pass_on(self, *, is_last: bool) -> None:
        data = self.rest
        self.left.clear()
        self._size, self._has_passed = 0, True
        self.layer.feed(data, is_last=is_last)


@define(eq=False)
class Run:
    """A run of base64 that is longer than a piece, and the layer of what it decodes to."""

    layer: Layer
    _decoder: Decoder64

    def feed(self, data: bytes, *, is_last: bool) -> bool:
        """Takes as much of the data as belongs to the run; whether that is all of it and more may come."""
        decoded, goes_on = self._decoder.feed(data)
        self.layer.feed(decoded, is_last=is_last or not goes_on)
        return goes_on and not is_last
