"""Content that comes in pieces, with what is packed or encoded in it and goes on from one piece to the next."""

from collections.abc import Iterator
from typing import Final

from attrs import define, field

from bottle.domain.dlp.bases import Decoder64, open_run
from bottle.domain.dlp.engine import Engine, Report
from bottle.domain.dlp.finding import Finding
from bottle.domain.dlp.packing import (
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
_VAIN = 256  # beginnings of packed content that are none, within one piece
_ENDLESS = 4  # streams that content ends in: each is unpacked to the end
_LITTLE = 64  # bytes that come out of noise before it turns out to be that
# Bytes that an unpacker may keep before their content comes out: a block of bzip2's, of zstd's (RFC 8878 3.1.1.2).
_LAGS: Final = {"bzip2": 1024 * 1024, "zstd": 256 * 1024}
_LAG = 64 * 1024
_EDGE = 3  # bytes that may begin what the next piece makes recognisable
_CUT = 65536 + 4096  # what the head of a packed file may take


@define
class Budget:
    """How much may be unpacked: what a small piece may grow to, and how often more than was sent."""

    free: int = 64 * 1024 * 1024
    ratio: int = 64

    def earn(self, sent: int) -> None:
        """So much more came in."""
        self.free += sent * self.ratio

    def spend(self, unpacked: int) -> None:
        """Raises UnreadableError once too much was unpacked."""
        self.free -= unpacked
        if self.free < 0:
            raise UnreadableError("packed content that grows beyond what is looked into")


@define(eq=False)
class Layer:
    """One layer of content. `budget` is shared with the layers in it."""

    engine: Engine
    tell: Report
    budget: Budget
    via: tuple[str, ...] = ()
    tail: bytes = b""
    _offset: int = 0
    _cut: bytes = b""  # packed content whose head did not come whole
    _packed: "Packed | None" = None
    _run: "Run | None" = None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing goes on beyond the last piece."""
        return self._packed is None and self._run is None and not self._cut

    @property
    def has_begun(self) -> bool:
        """Whether anything was looked at."""
        return self._offset > 0

    @property
    def hold(self) -> int:
        """How many of the last bytes may yet belong to what the next piece will tell."""
        packed = 0 if self._packed is None else self._packed.hold
        return max(self.engine.window, packed, len(self._cut), 2 * self._run.layer.hold if self._run is not None else 0)

    def feed(self, fresh: bytes, *, is_last: bool) -> bool:
        """Looks at the next piece; whether all that is in it began in it, or in the window before, and is over with it.

        Raises UnreadableError for content that cannot be looked into.
        """
        data = self.tail + fresh
        require_open(data)
        cut = (self._offset > len(self.tail), not is_last)
        was_quiet = self.is_quiet
        goes_on = self._run is not None and self._run.feed(fresh, is_last=is_last)
        within = self.engine.look(data, self.tell, self._offset - len(self.tail), self.via, deep=not goes_on, cut=cut)
        for one in within:
            self._enter("an encoding", one)
        self._unpack(fresh, is_last=is_last)
        if not goes_on:
            self._run = None if is_last else self._begun(data)
        self.pass_over(fresh)
        return was_quiet and self.is_quiet

    def pass_over(self, fresh: bytes) -> None:
        """Takes a piece that needs no look, for what stands behind it."""
        self._offset += len(fresh)
        self.tail = (self.tail + fresh)[-self.engine.window :]

    def _enter(self, via: str, data: bytes) -> None:
        """Looks at whole content that was found in this one."""
        inner = self._inner(via)
        if inner is not None:
            inner.feed(data, is_last=True)

    def _inner(self, via: str) -> "Layer | None":
        if len(self.via) >= DEEPEST:
            self.tell(Finding("dlp.depth", "content that is encoded more often than is looked into", via=self.via))
            return None
        return Layer(self.engine, self.tell, self.budget, (*self.via, via))

    def _unpack(self, fresh: bytes, *, is_last: bool) -> None:
        """Looks into what is packed in the piece."""
        at, packed = 0, self._packed
        before = self._cut if packed is not None or self._cut else self.tail[-_EDGE:]
        data, self._cut = before + fresh, b""
        if packed is not None:
            at = packed.feed(data, 0, is_last=is_last)
            if at < 0 and not is_last:
                return
            at, self._packed = max(at, 0), None
        opened = Opened(self, data, is_last=is_last)
        self._packed, self._cut = opened.walk(at, None if self.has_begun else len(before))
        if opened.small:
            self._enter("packed content", b"\n".join(opened.small))

    def open(self, opening: Opening) -> "Packed | None":
        """What unpacks there; None where this packing is not known."""
        make = self.engine.unpackers.get(opening.packing)
        if make is None or (inner := self._inner(opening.packing)) is None:
            return None
        return Packed(make(), inner, max(_LAG, _LAGS.get(opening.packing, 0)), is_marked=opening.is_marked)

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
    """The packed content of one piece, from its first byte to its last."""

    layer: Layer
    data: bytes
    is_last: bool = field(kw_only=True)
    small: list[bytes] = field(factory=list)
    """What is whole and little; a pack of git's holds thousands of such."""

    def walk(self, at: int, first: int | None) -> tuple["Packed | None", bytes]:
        """What goes on in the next piece: a stream, or the beginning of one. `first` is where the content begins, if it
        does so here. Raises UnreadableError."""
        vain = endless = 0
        for opening in self._openings(at, first):
            if opening is None:
                return None, b"" if self.is_last else self.data[-_CUT:]
            packed = self.layer.open(opening) if opening.at >= at else None
            if packed is None:
                continue
            end = packed.feed(self.data, opening.data, is_last=self.is_last)
            if packed.is_broken and packed.unpacked < _LITTLE:
                vain += 1
                if vain > _VAIN:
                    raise UnreadableError("content full of what looks packed and is not")
                if is_text(packed.rest):  # it may be broken on purpose
                    self.small.append(packed.rest)
                continue
            self.small.append(packed.rest)
            if end >= 0:
                at = end if opening.is_marked else at
            elif not self.is_last:
                return packed, b""
            else:  # it was cut off, and what it took for its own may hold another
                endless += 1
                if endless > _ENDLESS:
                    raise UnreadableError("content full of packed content that has no end")
        return None, b""

    def _openings(self, at: int, first: int | None) -> Iterator[Opening | None]:
        engine = self.layer.engine
        if first is not None and (packing := packing_of(self.data[first:], engine.unpackers)) is not None:
            yield Opening(first, first, packing, is_marked=False)
        yield from openings(self.data, at, engine.hints.magics(self.data))


@define(eq=False)
class Packed:
    """A stream of packed content, and the layer of what it unpacks to."""

    unpacker: Unpacker
    layer: Layer
    lag: int
    is_marked: bool
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

    def feed(self, data: bytes, start: int, *, is_last: bool) -> int:
        """Unpacks the data from `start` on; where the stream ends in it, -1 where it goes on."""
        end = self._unpack(data, start)
        if self._has_passed or end < 0:
            self._pass_on(is_last=is_last or end >= 0)
        return end

    def _unpack(self, data: bytes, start: int) -> int:
        try:
            for end, piece in inputs(data, start):
                for unpacked in self.unpacker.pieces(piece):
                    self._gather(unpacked)
                if self.unpacker.eof:  # brotli does not tell what of its last input stands behind it
                    return end - len(self.unpacker.unused_data if self.is_marked else piece)
        except BrokenError:
            self.is_broken = True
            return start + 1
        return -1

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
