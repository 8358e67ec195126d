"""The matcher: one pass of vectorscan over all rules tells which apply, RE2 and the rule's own conditions confirm.

Neither engine backtracks: time is linear in the data, whatever the data holds.
"""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, Final, Protocol

import hyperscan
import re2
from attrs import define, field, frozen

from bottle.domain.dlp.matching import GaveUpError, Match
from sidecars.scanner.patterns.judgement import entropy, is_random
from sidecars.scanner.patterns.rule import Excuse, Rule

WINDOW: Final = 8192
"""The longest secret that is sure to be found when content is cut: a private key of 8192 bits with its armour."""
_NEAR: Final = 128
"""How far before a match its keyword may stand, and how much of its line is looked at."""
_NAME: Final = 32
"""How much before a match can be the beginning of its name."""
_MOST_RULES: Final = 32
_MOST_CANDIDATES: Final = 1024
_BYTES_A_CANDIDATE: Final = 256
"""Limits of the confirmation: so many rules at once, so many candidates and one more for each so many bytes."""
_LIVE_RULES: Final = 128
_PROGRAM_BYTES: Final = 8 << 20

_FLAGS: Final = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY
_ARMOUR: Final = Rule("armour", "", "", r"(?i)-----BEGIN")
_OPTIONAL_LEAD: Final = re.compile(r"\A(\(\?[a-z]+\))?\[[^\]]+\]\{0,\d+\}\??")
"""How many of gitleaks' patterns begin: with what may be absent, and so decides nothing in the first pass."""


class InvalidPatternError(ValueError):
    """A pattern that one of the two engines does not take. The message is the engine's."""


class _Found(Protocol):
    def start(self, group: int = 0) -> int: ...
    def end(self, group: int = 0) -> int: ...
    def groups(self) -> tuple[bytes | None, ...]: ...


@frozen
class _Program:
    """A pattern, ready to search, and how many groups it has."""

    search: Callable[..., _Found | None]
    finditer: Callable[..., Iterator[_Found]]
    groups: int


@frozen
class _Live:
    """A rule with its patterns ready. `group` holds the secret; 0 where that is only known of a match."""

    rule: Rule
    group: int
    program: _Program
    excuses: tuple[tuple[Excuse, tuple[_Program, ...]], ...]


@define
class _Budget:
    left: int

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise GaveUpError("too many candidates")


def compile_database(rules: Sequence[Rule]) -> bytes:
    """The first pass over these rules, serialised. Raises InvalidPatternError."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    expressions = [_OPTIONAL_LEAD.sub(r"\1", rule.pattern).encode() for rule in rules]
    try:
        database.compile(expressions=expressions, ids=list(range(len(rules))), flags=[_FLAGS] * len(rules))
    except hyperscan.error as error:
        raise InvalidPatternError(str(error)) from None
    return hyperscan.dumpb(database)


def program(pattern: str) -> _Program:
    """The pattern for the second pass. Raises InvalidPatternError."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = _PROGRAM_BYTES
    try:
        compiled = re2.compile(pattern.encode(), options)
    except re2.error as error:
        raise InvalidPatternError(_message(error)) from None
    return _Program(compiled.search, compiled.finditer, compiled.groups)


class FirstPass:
    """vectorscan's database, with a scratch space for each thread. Raises hyperscan.error for one that is not ours."""

    def __init__(self, serialised: bytes) -> None:
        self._database = hyperscan.loadb(serialised, hyperscan.HS_MODE_BLOCK)
        self._scratch = hyperscan.Scratch(self._database)
        self._own = threading.local()

    def fired(self, data: bytes) -> dict[int, int]:
        """The rules that match, by number, each with the end of its first match."""
        ends: dict[int, int] = {}

        def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends.setdefault(number, end)

        self._database.scan(data, match_event_handler=note, scratch=self._own_scratch())
        return ends

    def _own_scratch(self) -> Any:
        if not hasattr(self._own, "scratch"):
            self._own.scratch = self._scratch.clone()
        return self._own.scratch


@cache
def _armour() -> FirstPass:
    return FirstPass(compile_database([_ARMOUR]))


@frozen(eq=False)
class Patterns:
    """The matcher of the domain (`bottle.domain.dlp.matching.Matcher`) over sets of rules, each with its database.

    The bytes of a match are the secret's alone. A piece of content that was cut out of more shows matches at its
    edges that the whole has not: what touches such an edge is the neighbour's to tell, who shares `window` bytes.
    """

    _sets: tuple[tuple[Sequence[Rule], FirstPass], ...] = field(repr=False)
    _live: Callable[[int, int], _Live] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_live", lru_cache(_LIVE_RULES)(self._alive))

    @property
    def window(self) -> int:
        return WINDOW

    def is_open(self, data: bytes) -> bool:
        """Whether armour opens, which a long key follows; what the operator's own rules find may be as long."""
        return len(self._sets) > 1 or bool(_armour().fired(data))

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(rule for rules, _ in self._sets for rule in rules)

    def beside(self, rules: Sequence[Rule]) -> "Patterns":
        """These and further rules. Raises InvalidPatternError."""
        return Patterns((*self._sets, (tuple(rules), FirstPass(compile_database(rules)))))

    def find(self, data: bytes) -> Sequence[Match]:
        """Every match in order of `start`. Raises GaveUpError."""
        fired = self._fired(data) if data else []
        budget = _Budget(_MOST_CANDIDATES + len(data) // _BYTES_A_CANDIDATE)
        matches = [match for live, end in fired for match in _confirmed(live, data, end, budget)]
        return sorted(matches, key=lambda match: (match.start, match.end, match.rule))

    def _fired(self, data: bytes) -> list[tuple[_Live, int]]:
        fired = [(which, *each) for which, (_, first) in enumerate(self._sets) for each in first.fired(data).items()]
        if len(fired) > _MOST_RULES:
            raise GaveUpError("too many rules at once")
        return [(self._live(which, number), end) for which, number, end in fired]

    def _alive(self, which: int, number: int) -> _Live:
        rule = self._sets[which][0][number]
        excuses = tuple((excuse, tuple(map(program, excuse.patterns))) for excuse in rule.excuses)
        pattern = program(rule.pattern)
        return _Live(rule, rule.group or (1 if pattern.groups == 1 else 0), pattern, excuses)


def check(rule: Rule) -> None:
    """Raises InvalidPatternError where the second pass cannot apply it; `compile_database` speaks for the first."""
    for pattern in (rule.pattern, *(each for excuse in rule.excuses for each in excuse.patterns)):
        program(pattern)


def _confirmed(live: _Live, data: bytes, end: int, budget: _Budget) -> Iterator[Match]:
    for found in live.program.finditer(data, max(0, end - WINDOW)):
        budget.spend()
        start, stop = _secret(found, live.group)
        if _is_secret(live, data, found, start, stop):
            yield Match(live.rule.name, start, stop)


def _secret(found: _Found, group: int) -> tuple[int, int]:
    """Where the secret stands within the match."""
    if not group:
        group = next((number for number, text in enumerate(found.groups(), 1) if text), 0)
    if found.start(group) < 0:
        group = 0
    return found.start(group), found.end(group)


def _is_secret(live: _Live, data: bytes, found: _Found, start: int, stop: int) -> bool:
    rule, secret = live.rule, data[start:stop]
    if not _has_keyword(rule, data, found) or (rule.strict and not is_random(secret)):
        return False
    if rule.entropy and entropy(secret) <= rule.entropy:
        return False
    return not any(_excused(excuse, programs, data, found, secret) for excuse, programs in live.excuses)


def _has_keyword(rule: Rule, data: bytes, found: _Found) -> bool:
    if not rule.keywords:
        return True
    around = data[max(0, found.start() - _NEAR) : found.end()].lower().decode("latin-1")
    return any(keyword in around for keyword in rule.keywords)


def _excused(excuse: Excuse, programs: Sequence[_Program], data: bytes, found: _Found, secret: bytes) -> bool:
    match excuse.target:
        case "match":
            text = data[found.start() : found.end()]
        case "before":
            text = data[max(0, found.start() - _NAME) : found.start()]
        case "line":
            text = _line(data, found.start(), found.end())
        case _:
            text = secret
    if any(tried.search(text) for tried in programs):
        return True
    lowered = secret.lower().decode("latin-1")
    return any(word in lowered for word in excuse.words)


def _line(data: bytes, start: int, end: int) -> bytes:
    """The line of a match, or what of it is near: a body may be one line of megabytes."""
    before, after = data[max(0, start - _NEAR) : start], data[end : end + _NEAR]
    return before.rpartition(b"\n")[2] + data[start:end] + after.partition(b"\n")[0]


def _message(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
