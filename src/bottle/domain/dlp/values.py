"""The registered values that stand in a text, in whatever way: spelled, strewn, in pieces, under a mask."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import frozen

from bottle.domain.dlp.cuts import Cuts
from bottle.domain.dlp.hints import Hints, Search, Searches
from bottle.domain.dlp.masks import Masks
from bottle.domain.dlp.pieces import Pieces
from bottle.domain.dlp.plain import plain
from bottle.domain.dlp.skeleton import skeleton
from bottle.domain.dlp.spellings import SHORTEST, Registered, is_telling, skeletons
from bottle.domain.dlp.strewn import Strewn

_MARKS: Final = b"\\%&+="


@frozen(eq=False, repr=False)
class Values:
    """Searches for all of them at once. It says nothing of them."""

    kept: tuple[Registered, ...]
    has_escapes: bool
    """Whether one holds what `plain` would undo."""
    reach: int
    """Bytes in which one may stand that is looked for as it is written, or in pieces in order."""
    _literals: Search
    _owners: tuple[Registered, ...]
    """Whose value it is that a literal belongs to."""
    _as_written: tuple[tuple[bytes, Registered], ...]
    """The values that say too little in lower case and without signs, as they stand in a text."""
    _strewn: Strewn
    _pieces: Pieces
    _cuts: Cuts
    _masks: Masks

    @classmethod
    def of(cls, kept: tuple[Registered, ...], hints: Hints, searches: Searches) -> "Values":
        """Searches for values that are long enough."""
        written = [(one, text) for one in kept for text in _readings(one.value, hints)]
        spelled = {bones: one for one, text in written for bones in skeletons(text)}
        as_written = tuple((text, one) for one, text in written if not is_telling(text))
        plain_values = [one.value for one in kept]
        cuts = Cuts.of(plain_values, searches)
        return cls(
            kept=kept,
            has_escapes=any(mark in value for value in plain_values for mark in _MARKS),
            reach=max([cuts.reach, *(2 * len(text) for text, _ in as_written)]),
            literals=searches.literals(list(spelled)),
            owners=tuple(spelled.values()),
            as_written=as_written,
            strewn=Strewn.of(plain_values, searches),
            pieces=Pieces.of(plain_values, searches),
            cuts=cuts,
            masks=Masks.of(plain_values, searches),
        )

    def spelled(self, text: bytes) -> list[Registered]:
        """Those that stand in the text in one piece, however they are spelled."""
        bones = skeleton(text)
        whole = [self._owners[literal] for literal in self._literals.find(bones)]
        return [
            *whole,
            *self._by_number(self._strewn.find(bones)),
            *(one for way, one in self._as_written if way in text),
        ]

    def standing(self, text: bytes) -> Iterable[Registered]:
        """Those, and the ones that stand in it in pieces."""
        pieced = self._by_number(self._pieces.find(text) | self._cuts.find(text))
        return dict.fromkeys((*self.spelled(text), *pieced))

    def masked(self, data: bytes) -> Iterable[Registered]:
        """Those that stand in the bytes under a mask."""
        return self._by_number(set(self._masks.find(data)))

    def unmasked(self, data: bytes) -> Iterator[bytes]:
        """The surroundings of what opens as a token does under a mask, without it."""
        return self._masks.undone(data)

    def _by_number(self, numbers: Iterable[int]) -> Sequence[Registered]:
        return [self.kept[number] for number in sorted(numbers)]


def _readings(value: bytes, hints: Hints) -> Iterator[bytes]:
    """A value as it is, and as it reads where all is undone that looks like an escape: it may hold some itself."""
    yield value
    undone = plain(value, hints)
    if undone != value and len(undone) >= SHORTEST:
        yield undone
