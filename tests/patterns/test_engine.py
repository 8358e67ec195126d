"""The two passes: what confirms a match, what excuses it, and where the engine gives up."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from bottle.domain.dlp.matching import GaveUpError, Match, Matcher
from sidecars.scanner.patterns.engine import (
    FirstPass,
    InvalidPatternError,
    Patterns,
    check,
    compile_database,
)
from sidecars.scanner.patterns.rule import Excuse, Rule
from tests.patterns.tokens import drawn


def test_it_is_what_the_scanner_asks_for(patterns: Patterns) -> None:
    """The type checker compares the two; a scanner gets one as the other."""
    matcher: Matcher = patterns
    assert matcher.window >= 4096


def test_the_secret_is_the_group_that_took_part() -> None:
    rule = Rule("r", "f", "", r"(?:a=(\d+)|b=(\d+))")
    assert _patterns(rule).find(b"-- b=77 --") == [Match("r", 5, 7)]


def test_the_named_group_is_the_secret() -> None:
    rule = Rule("r", "f", "", r"(user) (\d+)", group=2)
    assert _patterns(rule).find(b"user 77") == [Match("r", 5, 7)]


def test_without_groups_the_match_is_the_secret() -> None:
    assert _patterns(Rule("r", "f", "", r"k\d+")).find(b".k12.k3") == [Match("r", 1, 4), Match("r", 5, 7)]


def test_matches_of_several_rules_come_in_order() -> None:
    found = _patterns(Rule("z", "f", "", "one"), Rule("a", "f", "", "two")).find(b"two one two")
    assert found == [Match("a", 0, 3), Match("z", 4, 7), Match("a", 8, 11)]


def test_a_keyword_must_stand_near() -> None:
    """Forty hexadecimal digits are a commit, unless the text speaks of the service."""
    patterns = _patterns(Rule("r", "f", "", r"\b[0-9]{8}\b", keywords=("service",)))
    assert patterns.find(b"Service: 12345678")
    assert not patterns.find(b"12345678 is for no SERVICE"), "it must not stand behind"
    assert not patterns.find(b"service" + b" " * 300 + b"12345678"), "nor far away"


def test_a_secret_has_enough_entropy() -> None:
    patterns = _patterns(Rule("r", "f", "", r"k=(\w+)", entropy=2.0))
    assert [match.start for match in patterns.find(b"k=aaaaaaaa k=abcdefgh")] == [13]


@pytest.mark.parametrize(
    ("excuse", "excused", "held"),
    [
        (Excuse("secret", (r"^test",)), b"key=test12", b"key=12test"),
        (Excuse("match", (r"^key=",)), b"key=a12", b"kex=a12"),
        (Excuse("line", (r"# sample",)), b"key=a12 # sample", b"key=a12\n# sample"),
        (Excuse("before", (r"public_$",)), b"public_key=a12", b"public key=a12"),
        (Excuse(words=("example",)), b"key=anEXAMPLE1", b"example key=a12"),
    ],
)
def test_what_is_excused_passes(excuse: Excuse, excused: bytes, held: bytes) -> None:
    patterns = _patterns(Rule("r", "f", "", r"ke[xy]=(\w+)", excuses=(excuse,)))
    assert not patterns.find(excused)
    assert patterns.find(held)


def test_an_optional_beginning_decides_nothing() -> None:
    """The first pass leaves it out; a match still begins where the rule says."""
    patterns = _patterns(Rule("r", "f", "", r"(?i)[\w.-]{0,20}?(?:key)=\d+"))
    assert patterns.find(b"x my.KEY=1") == [Match("r", 2, 10)]


def test_nothing_stands_in_nothing(patterns: Patterns) -> None:
    assert patterns.find(b"") == []


def test_any_bytes_are_looked_at(patterns: Patterns) -> None:
    """Content is bytes: NUL, broken UTF-8 and lone surrogates hide nothing."""
    value = drawn("AKIA{b32:16}", random.Random(8)).encode()
    noise = random.Random(1).randbytes(4096)
    found = patterns.find(noise + b"\xff\x00 " + value + b" \xc3(" + noise)
    assert (4096 + 3, 4096 + 23) in {(match.start, match.end) for match in found}


def test_threads_do_not_disturb_each_other(patterns: Patterns) -> None:
    """Worker threads share one matcher, and each has its own scratch space."""
    value = drawn("AKIA{b32:16}", random.Random(8)).encode()
    texts = [b"x" * number + b" " + value + b" " for number in range(64)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(patterns.find, texts))
    assert [matches[0].start for matches in found] == [number + 1 for number in range(64)]


def test_too_many_rules_at_once_are_given_up() -> None:
    """A body stuffed with every keyword would have each rule confirmed; then it is refused, not skipped."""
    patterns = _patterns(*(Rule(f"r{number}", "f", "", f"word{number:03}") for number in range(100)))
    with pytest.raises(GaveUpError):
        patterns.find(b" ".join(b"word%03d" % number for number in range(100)))


def test_too_many_candidates_are_given_up() -> None:
    patterns = _patterns(Rule("r", "f", "", r"k\d", entropy=8.0))
    assert patterns.find(b"k1" * 1000) == []
    with pytest.raises(GaveUpError):
        patterns.find(b"k1" * 10_000)


@pytest.mark.parametrize("pattern", ["(", r"(?=ahead)", "a{2000}"])
def test_a_pattern_that_the_second_pass_does_not_take_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPatternError):
        check(Rule("r", "f", "", pattern))


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "[z-a]"])
def test_a_pattern_that_the_first_pass_does_not_take_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPatternError):
        compile_database([Rule("r", "f", "", pattern)])


def _patterns(*rules: Rule) -> Patterns:
    return Patterns(((rules, FirstPass(compile_database(rules))),))
