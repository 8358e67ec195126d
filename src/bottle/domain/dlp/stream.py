"""The content of one request, judged while it streams: what may pass is given back, what may yet be a secret is kept.

However the content is cut, the same pieces are looked at, and so the same is found.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from attrs import define, evolve, field

from bottle.domain.dlp.engine import Engine, Report
from bottle.domain.dlp.finding import Finding
from bottle.domain.dlp.layer import Budget, Layer
from bottle.domain.dlp.packed_heads import words_of
from bottle.domain.dlp.packing import BrokenError, Unpacker, UnreadableError, inputs

PIECE: Final = 128 * 1024
"""Bytes that are looked at together, where nothing else is said."""

AT_ONCE: Final = 8192
"""Bytes that are looked at in a millisecond, unless more is packed in them."""

_PART = 4096  # bytes at least, of a part that is remembered when it is clean
_REMEMBERED = 1 << 16
_CODINGS = 3
_HOLD_CODED: Final = {"zstd": 256 * 1024, "bzip2": 1024 * 1024}
_HOLD_USUAL = 64 * 1024


class Leak(Exception):  # noqa: N818 - a verdict, not a fault
    """Something that must not leave."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.rule)
        self.finding = finding


class Seen:
    """Digests of parts that one engine found clean, with what stood before them, and whether something long may have
    begun there. Bounded; the oldest go first."""

    def __init__(self) -> None:
        self._keys: OrderedDict[bytes, bool] = OrderedDict()

    def __contains__(self, key: bytes) -> bool:
        if key not in self._keys:
            return False
        self._keys.move_to_end(key)
        return True

    def is_open(self, key: bytes) -> bool:
        return self._keys[key]

    def add(self, key: bytes, *, is_open: bool = False) -> None:
        self._keys[key] = is_open
        if len(self._keys) > _REMEMBERED:
            self._keys.popitem(last=False)


def stop_at(place: str) -> Report:
    """Ends the scan with Leak at the first finding."""

    def tell(finding: Finding) -> None:
        raise Leak(evolve(finding, place=place))

    return tell


@define(eq=False)
class Stream:
    """One body or message. Every method raises Leak, after which nothing more may pass."""

    engine: Engine
    place: str
    seen: Seen | None = None
    coding: str = ""
    tell: Report | None = None
    """Where given, takes findings in the place of raising Leak."""
    piece: int = PIECE
    """Bytes that are looked at together."""
    at_end: Callable[[bytes], None] | None = None
    """Is given content that ended before anything of it passed; it may raise Leak."""
    before: bytes = b""
    """What passed before this content, and may hold the beginning of what this one ends."""
    budget: Budget = field(factory=Budget)
    _layer: Layer = field(init=False)
    _coded: "Coded | None" = field(init=False, default=None)
    _held: bytearray = field(factory=bytearray, init=False)
    _looked: int = field(default=0, init=False)  # so many of the held bytes were looked at

    def __attrs_post_init__(self) -> None:
        self._layer = self._begun(self.budget)
        try:
            self._coded = coded(self.coding, self._layer)
        except UnreadableError as error:
            self._say(error)

    def _begun(self, budget: Budget) -> Layer:
        return Layer(self.engine, self.tell or stop_at(self.place), budget, tail=self.before)

    def is_due(self, size: int, *, is_last: bool) -> bool:
        """Whether so many more bytes, or their end, would mean to look at much at once."""
        size += len(self._held) - self._looked
        goes_on = self._coded is not None or self._layer.has_begun
        return size >= self.piece or (is_last and (size > AT_ONCE or goes_on))

    def feed(self, data: bytes) -> bytes:
        """The next bytes; returns those that may pass now, in order."""
        self._held += data
        while len(self._held) - self._looked >= self.piece:
            self._look(bytes(self._held[self._looked : self._looked + self.piece]), is_last=False)
            self._looked += self.piece
            self.at_end = None
        return self._release(max(0, self._looked - self._hold())) if self._looked else b""

    def finish(self) -> bytes:
        """The end; returns the rest."""
        self._look(bytes(self._held[self._looked :]), is_last=True)
        return self._ended()

    def finish_at_once(self) -> bytes | None:
        """The end of content of which nothing was due: all of it, or None where so much is packed in it that it would
        take long; then nothing was done."""
        self._layer = self._begun(Budget(AT_ONCE, ratio=0))
        try:
            self._look_into(bytes(self._held), is_last=True)
        except UnreadableError:
            self._layer = self._begun(self.budget)
            return None
        return self._ended()

    def _ended(self) -> bytes:
        if self.at_end is not None:
            self.at_end(bytes(self._held))
        return self._release(len(self._held))

    def _release(self, size: int) -> bytes:
        passed = bytes(self._held[:size])
        del self._held[:size]
        self._looked = max(0, self._looked - size)
        return passed

    def _hold(self) -> int:
        return max(self._layer.hold, self._coded.hold if self._coded is not None else 0)

    def _look(self, fresh: bytes, *, is_last: bool) -> None:
        try:
            self._look_into(fresh, is_last=is_last)
        except UnreadableError as error:
            self._say(error)

    def _look_into(self, fresh: bytes, *, is_last: bool) -> None:
        self._layer.budget.earn(len(fresh))
        if self._coded is not None:
            self._coded.feed(fresh, is_last=is_last)
        elif self.seen is None or len(fresh) < _PART:
            self._layer.feed(fresh, is_last=is_last)
        else:
            self._look_at_new(fresh, self.seen, is_last=is_last)

    def _say(self, error: UnreadableError) -> None:
        finding = Finding("dlp.unreadable", str(error), self.place)
        if self.tell is None:
            raise Leak(finding)
        self.tell(finding)

    def _look_at_new(self, fresh: bytes, seen: Seen, *, is_last: bool) -> None:
        """Looks at the parts that were not seen clean behind what stands before them."""
        parts = list(parted(fresh, self.engine.hints.boundaries(fresh)))
        keys = self._keys(parts, is_last=is_last)
        start = 0
        for number, (part, key) in enumerate(zip(parts, keys, strict=True)):
            if key not in seen or not self._layer.is_quiet:
                continue
            if start < number:
                self._learn(parts[start:number], keys[start:number], seen, is_last=False)
                start = number
            if self._layer.is_quiet:  # what began in those may go on in this one
                start = number + 1
                self._layer.pass_over(part, is_apart=start < len(parts) and not seen.is_open(key))
        if start < len(parts):
            self._learn(parts[start:], keys[start:], seen, is_last=is_last)

    def _learn(self, parts: list[bytes], keys: list[bytes], seen: Seen, *, is_last: bool) -> None:
        if self._layer.feed(b"".join(parts), is_last=is_last):
            for key in keys:
                seen.add(key, is_open=self._layer.is_open)

    def _keys(self, parts: list[bytes], *, is_last: bool) -> list[bytes]:
        """Digests of the parts, each with those before it as far as anything can reach back, and whether it is the end:
        what a rule finds where content goes on is left to what follows."""
        told = [self._layer.tail, *parts]
        digests = [hashlib.sha256(one).digest() for one in told]
        keys = []
        for number in range(1, len(told)):
            first, reach = number, 0
            while first > 0 and reach < self.engine.window:
                first -= 1
                reach += len(told[first])
            is_end = is_last and number == len(parts)
            keys.append(hashlib.sha256(b"".join(digests[first : number + 1])).digest()[:15] + bytes((is_end,)))
        return keys


def parted(data: bytes, boundaries: Iterable[int]) -> Iterator[bytes]:
    """The data in parts of some length that begin at boundaries, so that equal messages make equal parts."""
    start = 0
    for place in boundaries:
        if place - start >= _PART:
            yield data[start:place]
            start = place
    if start < len(data):
        yield data[start:]


@define(eq=False)
class Coded:
    """Content under a Content-Encoding, which has to be what it says."""

    name: str
    unpacker: Unpacker
    within: "Layer | Coded"
    make: object
    hold: int
    _is_over: bool = False
    _head: bytes | None = b""  # as much of it as came; None once it was looked at

    def feed(self, data: bytes, *, is_last: bool) -> None:
        """Unpacks; raises UnreadableError for what is broken or ends early."""
        if self._head is not None:
            data = self._head + data
            words = words_of(self.name, data)
            self._head = data if words is None and not is_last else None
            if self._head is not None:
                return
            self.look_aside(words or b"")
        if self._is_over:  # what stands behind the end: no server agrees with another about that
            self.within.feed(data, is_last=is_last)
            return
        unpacked: list[bytes] = []
        budget = self._budget()
        try:
            for end, piece in inputs(data, 0):
                for one in self.unpacker.pieces(piece):
                    budget.spend(len(one))
                    unpacked.append(one)
                    if sum(map(len, unpacked)) >= PIECE:
                        self.within.feed(b"".join(unpacked), is_last=False)
                        unpacked.clear()
                if self.unpacker.eof:
                    self._is_over = True
                    unpacked += [self.unpacker.unused_data, data[end:]]
                    break
        except BrokenError:
            raise UnreadableError(f"content that is not {self.name}, as its Content-Encoding says") from None
        if is_last and not self._is_over:
            raise UnreadableError(f"{self.name} content that ends early")
        self.within.feed(b"".join(unpacked), is_last=is_last)

    def look_aside(self, words: bytes) -> None:
        """Looks at what stands beside the content."""
        if isinstance(self.within, Coded):
            self.within.look_aside(words)
        elif words:
            Layer(self.within.engine, self.within.tell, self.within.budget).feed(words, is_last=True)

    def _budget(self) -> Budget:
        return self.within.budget if isinstance(self.within, Layer) else self.within._budget()  # noqa: SLF001


def coded(coding: str, layer: Layer) -> Coded | None:
    """What undoes a Content-Encoding in front of a layer; None for none. Raises UnreadableError for an unknown one."""
    names = [name.strip().lower() for name in coding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > _CODINGS:
        raise UnreadableError("content that is packed more often than is looked into")
    within: Layer | Coded = layer
    for name in names:
        make = layer.engine.unpackers.get(name) if name in _HTTP_CODINGS else None
        if make is None:
            raise UnreadableError("content under a Content-Encoding that is not understood")
        within = Coded(name, make(), within, make, _HOLD_CODED.get(name, _HOLD_USUAL))
    return within if isinstance(within, Coded) else None


_HTTP_CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd"})
