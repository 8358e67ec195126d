"""Reading other people's rules: their dialects, their files, and that they are the ones that are pinned."""

import json
import random
import re
from pathlib import Path

import pytest

from sidecars.scanner.patterns import gitleaks, keyed, kingfisher, sources, store
from sidecars.scanner.patterns.dialect import re2_pattern
from sidecars.scanner.patterns.engine import Patterns, program
from sidecars.scanner.patterns.judgement import entropy, is_random
from sidecars.scanner.patterns.rule import Excuse, Rule
from tests.patterns.tokens import drawn

DIALECT = [
    ("(?xi)\n a b # remark\n (?# another ) c", "(?i)abc"),
    ("(?x) [a b] \\# \\ x", "[ab]\\#\\ x"),
    ("(?x)[]x] [^]x] y", "[]x][^]x]y"),
    ("(?x)[[:alnum:] #-] z", "[[:alnum:]#-]z"),
    ("(?x)[a[b] c", r"[a\[b]c"),
    ("a b", "a b"),
    ("(?i)x", "(?i)x"),
    (".{0,1000}?x", ".{0,100}?x"),
    ("[a-z]{20,1024}", "[a-z]{20,}"),
    ("[a-z]{1952}", "[a-z]{200,}"),
    ("(a{1,200}){2,10}", "(a{1,}){2,10}"),
    ("a{3}b{1,}c{2,5}", "a{3}b{1,}c{2,5}"),
]


@pytest.mark.parametrize(("theirs", "ours"), DIALECT)
def test_a_pattern_is_said_in_the_engines_dialect(theirs: str, ours: str) -> None:
    assert re2_pattern(theirs) == ours
    program(ours)


def test_gitleaks_file_is_read_with_what_excuses_a_match() -> None:
    rules = gitleaks.read(
        """
        [[rules]]
        id = "one"
        description = "One"
        regex = '''k=(\\w+);(\\w+)'''
        secretGroup = 2
        entropy = 3
        keywords = ["K="]
        [[rules.allowlists]]
        regexTarget = "line"
        regexes = ["^#"]
        stopwords = ["Sample"]
        [[rules.allowlists]]
        condition = "AND"
        paths = ["x"]
        regexes = ["y"]
        [[rules]]
        id = "a-file"
        description = "By its name"
        path = '''\\.p12$'''
        [[rules]]
        id = "generic-api-key"
        description = "Replaced"
        regex = "x"
        [allowlist]
        stopwords = ["placeholder"]
        """
    )
    excuses = (Excuse("line", ("^#",), ("sample",)), Excuse("secret", (), ("placeholder",)))
    assert rules == (Rule("one", "gitleaks", "One", r"k=(\w+);(\w+)", 2, ("k=",), 3.0, excuses),)


def test_kingfishers_list_is_read_less_what_finds_no_secret() -> None:
    entry = {"id": "kingfisher.x.1", "name": "X", "pattern": "(?x) (a) (?P<TOKEN> b )", "visible": True}
    rules = kingfisher.read(json.dumps([entry, {**entry, "id": "kingfisher.x.2", "visible": False}]))
    assert [(rule.name, rule.pattern, rule.group) for rule in rules] == [("kingfisher.x.1", "(a)(?P<TOKEN>b)", 2)]


def test_rules_other_than_the_pinned_ones_are_refused(tmp_path: Path) -> None:
    """A package of the same name and version may be another's."""
    forged = tmp_path / "gitleaks"
    forged.write_bytes(b"\x7fELF" + b"# This file has been auto-generated. Do not edit manually.\n" + bytes(100_000))
    with pytest.raises(sources.RulesMissingError, match="other rules"):
        sources.gitleaks_text(forged)
    empty = tmp_path / "empty"
    empty.write_bytes(b"no rules in here")
    with pytest.raises(sources.RulesMissingError, match="other rules"):
        sources.gitleaks_text(empty)


@pytest.mark.parametrize(
    "script",
    ["echo '[]'", "echo nonsense", "exit 3", """echo '[{"id":"a","name":"b","pattern":"c","visible":true}]'"""],
)
def test_a_program_that_lists_other_rules_is_refused(tmp_path: Path, script: str) -> None:
    forged = tmp_path / "kingfisher"
    forged.write_text(f"#!/bin/sh\n{script}\n")
    forged.chmod(0o755)
    with pytest.raises(sources.RulesMissingError):
        sources.kingfisher_text(forged)


def test_every_rule_has_a_name_of_its_own(patterns: Patterns) -> None:
    """Silences name rules."""
    names = [rule.name for rule in patterns.rules]
    assert len(names) == len(set(names)) > 1000
    assert {rule.family for rule in patterns.rules} == {"bottle", "gitleaks", "kingfisher"}
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name) for name in names)
    assert all(rule.finds for rule in patterns.rules)


def test_what_was_compiled_comes_back_the_same(patterns: Patterns) -> None:
    assert patterns.rules == sources.read()


@pytest.mark.parametrize("name", ["rules.json", "rules.db"])
@pytest.mark.parametrize("spoil", ["missing", "cut"])
def test_compiled_rules_that_are_not_whole_are_refused(compiled: Path, tmp_path: Path, name: str, spoil: str) -> None:
    """A scanner without its rules must not start."""
    for file in compiled.iterdir():
        content = file.read_bytes()
        if file.name != name:
            (tmp_path / file.name).write_bytes(content)
        elif spoil == "cut":
            (tmp_path / file.name).write_bytes(content[: len(content) // 2])
    with pytest.raises(store.StoreError):
        store.load(tmp_path)


def test_own_rules_stand_beside_the_others(compiled: Path) -> None:
    patterns = store.load(compiled).beside([Rule("acme", "own", "ours", r"acme-\d{6}")])
    assert [match.rule for match in patterns.find(b"acme-123456")] == ["acme"]
    assert patterns.find(drawn(" AKIA{b32:16} ", random.Random(8)).encode())


def test_entropy_is_in_bits() -> None:
    assert [entropy(text) for text in (b"", b"aaaa", b"abab", b"abcd")] == [0.0, 0.0, 1.0, 2.0]


RANDOM = [
    "9f71c52d839b5cd527645e42b5134f8b",
    "XxK6G3m_pQ8nR2vT4wY9jL5bN7cA",
    "1a2b3c4d5e6f7g8h",
    "fa327aA1-23ZC-eA32-aZ32",
]
WRITTEN = [
    "getUserByIdForTenant",
    "base64ToUtf8String",
    "X25519PrivateKey",
    "2024-01-31T10:22:33",
    "1234567890123456",
    "v1.22.333-rc1",
]


@pytest.mark.parametrize("shape", RANDOM)
def test_what_is_drawn_by_chance_looks_so(shape: str) -> None:
    """Nearly always: a few of a hundred draws hold too few digits."""
    chance = random.Random(6)
    assert sum(is_random(drawn(shape, chance).encode()) for _ in range(100)) >= 85


@pytest.mark.parametrize("text", WRITTEN)
def test_what_is_written_does_not(text: str) -> None:
    assert not is_random(text.encode())


def test_our_own_rules_ask_for_chance() -> None:
    """Without that they would be what they replace."""
    assert all(rule.strict and rule.entropy for rule in keyed.RULES)
