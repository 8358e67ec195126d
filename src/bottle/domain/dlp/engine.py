"""One look at whole content: the values and patterns in it, and in whatever it can be decoded to."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import field, frozen

from bottle.domain.dlp.chunks import put_together
from bottle.domain.dlp.disguises import Disguises
from bottle.domain.dlp.finding import Finding, fingerprint
from bottle.domain.dlp.hints import Encoding, Hints, Searches
from bottle.domain.dlp.joined import added, listed
from bottle.domain.dlp.layouts import Layouts
from bottle.domain.dlp.matching import NEAR, GaveUpError, Match, Matcher
from bottle.domain.dlp.packing import STANDARD, Unpackers, UnreadableError
from bottle.domain.dlp.plain import plain, quoted_printable, seven_bits, unescaped
from bottle.domain.dlp.runs import decoded, punctuated
from bottle.domain.dlp.spellings import SHORTEST, Registered
from bottle.domain.dlp.telling import is_text, is_utf8, is_worth_reading, may_be_packed
from bottle.domain.dlp.unmarked import packing_of
from bottle.domain.dlp.values import Values

_LARGE = 4096  # bytes; below, both the escaped and the plain text are searched for values, and for what is masked
_APART = b"\n" * 64  # so that no pattern takes two findings for a name and its value
_AROUND = 64
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_UNMISTAKABLE = (b"AKIA", b"ASIA", b"AIza", b"eyJ")

Report = Callable[[Finding], None]
"""Takes a finding; it may raise, and ends the scan so."""


@frozen
class Looked:
    """What a look leads to."""

    within: list[bytes] = field(repr=False)
    """What is encoded in the data, decoded, for another look: all of it together, and each by itself that may be
    packed."""
    is_open: bool
    """Whether something long may have begun."""


@frozen(eq=False)
class Engine:
    """Registered values, patterns and unpackers under one policy; `key` makes its fingerprints."""

    patterns: Matcher
    key: bytes = field(repr=False)
    unpackers: Unpackers
    hints: Hints = field(repr=False)
    _values: Values = field(repr=False)
    _layouts: Layouts = field(repr=False)
    _disguises: Disguises = field(repr=False)
    approved: frozenset[str] = frozenset()
    """Fingerprints of what patterns find and may pass; a registered value never does."""
    near: int = field(init=False)
    """How many bytes before a piece may hold the beginning of what it ends, where nothing long has begun in them."""
    window: int = field(init=False)
    """How many bytes two neighbouring pieces of content must share, so that nothing is lost between them."""

    @classmethod
    def of(
        cls,
        values: Iterable[Registered],
        patterns: Matcher,
        key: bytes,
        searches: Searches,
        unpackers: Unpackers = STANDARD,
        approved: Iterable[str] = (),
    ) -> "Engine":
        """An engine for these values; those shorter than SHORTEST are left out."""
        hints = Hints.by(searches)
        return cls(
            patterns=patterns,
            key=key,
            unpackers=unpackers,
            hints=hints,
            values=Values.of(cls.kept(values), hints, searches),
            layouts=Layouts.by(searches),
            disguises=Disguises.by(searches),
            approved=frozenset(approved),
        )

    @property
    def values(self) -> tuple[Registered, ...]:
        """What is looked for."""
        return self._values.kept

    @staticmethod
    def kept(values: Iterable[Registered]) -> tuple[Registered, ...]:
        """Those of the values that an engine looks for."""
        return tuple(one for one in dict.fromkeys(values) if len(one.value) >= SHORTEST)

    @near.default
    def _reach_of_values(self) -> int:
        return max(NEAR, self._values.reach)

    @window.default
    def _reach(self) -> int:
        return max(8192, self.patterns.window, self.near)

    def look(
        self,
        data: bytes,
        tell: Report,
        offset: int = 0,
        via: tuple[str, ...] = (),
        *,
        deep: bool = True,
        cut: tuple[bool, bool] = (False, False),
    ) -> Looked:
        """Tells what stands in the data.

        `offset` is where its first byte stands, `via` what was undone to have it. Not `deep`: nothing is decoded.
        `cut` says whether there is more before and behind: then what a pattern finds at that edge may be none, and the
        neighbouring piece, which shares `window` bytes, has all of it.
        """
        text = plain(data, self.hints)
        self._standing_values(text, tell, data, offset, via)
        if text is not data and (self._values.has_escapes or len(data) < _LARGE):
            self._standing_values(data, tell, data, offset, via)
        self._patterns(text, tell, data, offset, via, cut)
        for part in self._disguises.undone(text):
            self._patterns(part, tell, data, offset, via, (False, False))
        within = self._decoded(data, text, tell, offset, via) if deep else []
        return Looked(within, self.patterns.is_open(text))

    def _decoded(self, data: bytes, text: bytes, tell: Report, offset: int, via: tuple[str, ...]) -> list[bytes]:
        views = dict.fromkeys(view for view in self._views(data, text) if view)
        readable = [view for view in views if is_worth_reading(view)]
        noise = [view for view in views if not is_worth_reading(view)] if len(readable) < len(views) else []
        if noise:
            self._patterns(_APART.join(noise), tell, data, offset, via, (False, False))
            self._standing_values(_APART.join(noise), tell, data, offset, via)
        if masked := b"".join((*self._maskable(data, text, via), *noise)):
            self._masked(masked, tell, offset, via)
        packed = [view for view in views if packing_of(view, self.unpackers) is not None]
        return [_APART.join(readable), *packed] if readable else packed

    def _maskable(self, data: bytes, text: bytes, via: tuple[str, ...]) -> Iterator[bytes]:
        """What may be masked: what was decoded and is short, and what is no text."""
        is_short = len(data) < _LARGE
        if (is_short and (via or not is_text(text))) or not (is_short or data.isascii() or is_utf8(data)):
            yield data if via or not data.isascii() else text

    def _masked(self, data: bytes, tell: Report, offset: int, via: tuple[str, ...]) -> None:
        """Tells what stands in the data under a mask."""
        for one in self._values.masked(data):
            if one.value not in data:  # under no mask, it was told
                self._tell_value(one, tell, data, offset, via)
        for part in self._values.unmasked(data):
            self._patterns(part, tell, data, offset, via, (False, False))

    def _views(self, data: bytes, text: bytes) -> Iterator[bytes]:
        kinds = self.hints.encodings(text)
        yield from decoded(text, kinds, self.hints)
        yield from punctuated(data, self.hints)
        yield from put_together(text, self.hints.padded(text))
        if Encoding.QUOTED in kinds:
            yield quoted_printable(text)
        if Encoding.SEVEN_BITS in kinds:
            yield seven_bits(text)
        if Encoding.ADDED in kinds:
            yield from added(text)
        if Encoding.LISTED in kinds:
            yield from listed(text)
        yield from self._layouts.undone(text)
        if text is not data and self.hints.escapes_packed(data):
            raw = unescaped(data)
            yield raw if may_be_packed(raw) else b""

    def look_for_values(self, data: bytes, tell: Report) -> None:
        """Tells which registered values stand in the data as it is: for what is put together from several places."""
        for one in dict.fromkeys(self._values.spelled(data)):
            self._tell_value(one, tell, data, 0, ())

    def _standing_values(self, text: bytes, tell: Report, data: bytes, offset: int, via: tuple[str, ...]) -> None:
        for one in self._values.standing(text):
            self._tell_value(one, tell, data, offset, via)

    def _tell_value(self, one: Registered, tell: Report, data: bytes, offset: int, via: tuple[str, ...]) -> None:
        at = max(0, data.find(one.value))
        mark = fingerprint(self.key, one.value)
        tell(Finding("dlp.value", f"the value of {one.name}", offset=offset + at, via=via, fingerprint=mark))

    def _patterns(
        self, text: bytes, tell: Report, data: bytes, offset: int, via: tuple[str, ...], cut: tuple[bool, bool]
    ) -> None:
        try:
            matches = self.patterns.find(text)
        except GaveUpError:
            raise UnreadableError("content made of more that looks like secrets than is looked into") from None
        for match in self._standing(text, matches):
            if (cut[0] and match.start == 0) or (cut[1] and match.end == len(text)):
                continue
            if _is_noise(text, match.start, match.end):
                continue
            secret = text[match.start : match.end]
            at = max(0, data.find(secret))
            mark = fingerprint(self.key, secret)
            tell(Finding(f"dlp.{match.rule}", "what looks like a secret", "", offset + at, via, mark))

    def _standing(self, text: bytes, matches: Sequence[Match]) -> Sequence[Match]:
        """The matches that nobody approved. Several rules may find parts of what was approved as one."""
        if not self.approved:
            return matches
        passing = [one for one in matches if fingerprint(self.key, text[one.start : one.end]) in self.approved]
        return [
            match for match in matches if not any(one.start <= match.start and match.end <= one.end for one in passing)
        ]


def _is_noise(text: bytes, start: int, end: int) -> bool:
    """Whether a match is a part of long base64, as of an image, between two signs that base64 has: a pattern that wants
    no more than a short word and a row of letters finds that by chance. What the base64 says is looked at apart."""
    around = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    if not text[start:end].isalnum() or text.startswith(_UNMISTAKABLE, start) or min(map(len, around)) < _AROUND:
        return False
    return not any(side.translate(None, _BASE64) for side in around) and b"+" in b"".join(around)
