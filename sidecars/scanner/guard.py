"""The scanner as the way out asks it: heads at once, bodies and messages as streams, all under one set of values."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from attrs import evolve, field, frozen

from bottle.domain.dlp.carried import LONGEST_BODY, Carried, fields_of, pairs_of
from bottle.domain.dlp.engine import Engine
from bottle.domain.dlp.finding import Finding
from bottle.domain.dlp.layer import Budget
from bottle.domain.dlp.matching import Matcher, NoPatterns, Quiet
from bottle.domain.dlp.spellings import Registered
from bottle.domain.dlp.stream import AT_ONCE, Leak, Seen, Stream, stop_at
from bottle.domain.headers import PLACEHOLDER, is_credential_header
from sidecars.scanner.literals import Vectorscan
from sidecars.scanner.unpackers import ALL

Fields = Sequence[tuple[bytes, bytes]]

_REMEMBERED = 4096  # headers and targets that were clean
_LONGEST = 1024  # bytes of one that is remembered
_PACKED_IN_SHORT = 256 * 1024  # bytes that a head may unpack to: it is looked at on the loop
_OF_EVERYTHING: Final = b"a word\n\\n %41 &amp; =41 + 00000 <b> -. \xff " * 200  # so long that its parts are remembered
_PLACEHOLDER: Final = PLACEHOLDER.encode()
_THREADS: Final = ThreadPoolExecutor(2, thread_name_prefix="scan")


class Clean:
    """Headers and targets that were found clean. Bounded: they come from outside."""

    def __init__(self) -> None:
        self._known: set[tuple[bytes, bytes]] = set()

    def knows(self, fields: Fields) -> bool:
        """Whether each of them was clean, and stood beside others like these."""
        return self._known.issuperset(fields)

    def learn(self, fields: Fields) -> None:
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known.update(one for one in fields if len(one[1]) <= _LONGEST)


@frozen(eq=False)
class Guard:
    """An engine, and what it has found clean so far."""

    engine: Engine = field(repr=False)
    _for_values: Engine = field(init=False, repr=False)
    """The engine for what an agent was given in the place of a credential: it looks like one, and is not passed on."""
    _seen: Seen = field(factory=Seen, repr=False)
    _clean: Clean = field(factory=Clean, repr=False)
    _carried: Carried = field(factory=Carried, repr=False)

    @_for_values.default
    def _without_patterns(self) -> Engine:
        return evolve(self.engine, patterns=NoPatterns())

    @classmethod
    def of(
        cls, values: Sequence[Registered], key: bytes, patterns: Matcher | None = None, approved: Iterable[str] = ()
    ) -> "Guard":
        """A guard over these values; `key` makes its fingerprints, of which `approved` may pass."""
        return cls(Engine.of(values, patterns or NoPatterns(), key, Vectorscan(), ALL, approved))

    def renewed(self, values: Sequence[Registered], patterns: Matcher, approved: Iterable[str] = ()) -> "Guard":
        """The guard over other values and patterns; itself where they are the same, with all that it found clean."""
        engine = self.engine
        same = Engine.kept(values) == engine.values and patterns is engine.patterns
        same = same and frozenset(approved) == engine.approved
        return self if same else Guard.of(values, engine.key, patterns, approved)

    def warm_up(self) -> None:
        """Looks at some of everything, so that no request waits for what is compiled when it is first needed. From any
        thread."""
        stream = Stream(self.engine, "what nobody said", Seen())
        stream.feed(_OF_EVERYTHING)
        stream.finish()

    def quiet(self, silent: frozenset[str]) -> "Guard":
        """The guard for requests in which these rules are silent; what is clean for them need not be so for others."""
        return Guard(evolve(self.engine, patterns=Quiet(self.engine.patterns, silent)), carried=self._carried)

    def takes_long(self, target: bytes, fields: Fields) -> bool:
        """Whether to look at a head would block the loop for more than a few milliseconds."""
        size = len(target) + sum(len(name) + len(value) for name, value in fields)
        return size > AT_ONCE and not self._clean.knows([(b"", target), *fields])

    def check_head(self, target: bytes, fields: Fields) -> None:
        """Judges a request's target and its headers; one that stands in for a credential, for registered values alone.

        Raises Leak.
        """
        if not self._clean.knows([(b"", target), *fields]):
            self.look_at_head(target, fields)
        self.put_head_together(target, fields)

    def put_head_together(self, target: bytes, fields: Fields) -> None:
        """Judges a head behind what those before it said. Raises Leak. On the loop alone."""
        told = [(b"", target), *fields]
        if told != self._carried.head:
            self._put_together(_named(target), "the URLs of several requests")
            self._put_together(fields, "the headers of several requests")
            self._carried.head = told

    def look_at_head(self, target: bytes, fields: Fields) -> None:
        """Judges a head by itself. Raises Leak. From any thread."""
        told = [(b"", target), *fields]
        try:
            said = [one for one in fields if not _stands_in(*one)]
            given = [one for one in fields if _stands_in(*one)]
            self._look(b"\n".join([*_retold(target), *(b"%b: %b" % one for one in said)]), "the head")
            self._look(b"\n".join(b"%b: %b" % one for one in given), "the head", self._for_values)
            self.engine.look_for_values(b"".join(value for _, value in fields), stop_at("the headers together"))
        except Leak as leak:
            raise Leak(self._placed(leak.finding, told)) from None
        self._clean.learn(told)

    def check(self, data: bytes, place: str) -> None:
        """Judges something short as a whole. Raises Leak."""
        self._look(data, place)

    def body(self, coding: str = "") -> Stream:
        """The stream for a request's body under a Content-Encoding. Raises Leak for one that is not understood."""
        return Stream(self.engine, "the body", self._seen, coding, at_end=None if coding else self._check_fields)

    def message(self, after: bytes = b"") -> Stream:
        """The stream for a WebSocket's message; `after` are the last bytes of those before it."""
        return Stream(self.engine, "the WebSocket message", before=after, at_end=self._check_fields)

    def _check_fields(self, body: bytes) -> None:
        """Judges the fields of a short body together, and behind what they said before."""
        if len(body) > LONGEST_BODY:
            return
        fields = fields_of(body)
        self.engine.look_for_values(b"".join(value for _, value in fields), stop_at("the fields of the body together"))
        self._put_together(fields, "the bodies of several requests")

    def _put_together(self, fields: Fields, place: str) -> None:
        for name, value in fields:
            field = b"%b %b" % (place.encode(), name)
            if joined := self._carried.after(field, value):
                self.engine.look_for_values(joined, stop_at(place))
                self._carried.keep(field, value, joined)

    def _look(self, data: bytes, place: str, engine: Engine | None = None) -> None:
        stream = Stream(engine or self.engine, place, budget=Budget(_PACKED_IN_SHORT, ratio=0))
        stream.feed(data)
        stream.finish()

    def _placed(self, finding: Finding, told: Fields) -> Finding:
        """The finding with the header that holds it, or the target; where it takes several, the head as a whole."""
        for name, value in told:
            place = f"the header {name.decode('latin-1').lower()}" if name else "the URL"
            engine = self._for_values if _stands_in(name, value) else self.engine
            try:
                self._look(b"\n".join(_retold(value)) if not name else b"%b: %b" % (name, value), place, engine)
            except Leak as leak:
                return leak.finding
        return evolve(finding, offset=0)


def threads() -> ThreadPoolExecutor:
    """Where long content is looked at, beside the loop that serves everybody."""
    return _THREADS


def _named(target: bytes) -> list[tuple[bytes, bytes]]:
    """What a target says beside where it leads: its last segment, and the parameters by their names."""
    path, _, query = target.partition(b"?")
    return [(b"", path.rpartition(b"/")[2]), *pairs_of(query)]


def _stands_in(name: bytes, value: bytes) -> bool:
    """Whether a header is what bottle gave an agent in the place of its login, which the way out removes."""
    return _PLACEHOLDER in value and is_credential_header(name.decode("latin-1"))


def _retold(target: bytes) -> list[bytes]:
    """A target as it is, without what its parts are joined by, and what its query says."""
    path, _, query = target.partition(b"?")
    pairs = pairs_of(query)
    values, names = b"".join(value for _, value in pairs), b"".join(name for name, _ in pairs)
    return [target, path.replace(b"/", b""), values, names]
