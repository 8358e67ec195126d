"""Names of bottles, agents and running identities."""

# ruff: noqa: RUF001 - look-alike characters are the attack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.domain.names import (
    SUFFIX_ALPHABET,
    SUFFIX_LENGTH,
    did_you_mean,
    identity_of,
    is_entity_name,
    is_identity,
    nearest,
)

ENTITIES = st.from_regex(r"[a-z][a-z0-9-]{0,56}", fullmatch=True)
SUFFIXES = st.text(SUFFIX_ALPHABET, min_size=SUFFIX_LENGTH, max_size=SUFFIX_LENGTH)


@pytest.mark.parametrize("name", ["a", "claude", "my-agent-2", "a-", "a" * 57])
def test_entity_names(name: str) -> None:
    assert is_entity_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-a",
        "1a",
        "A",
        "a_b",
        "a.b",
        "a/b",
        "../a",
        "a\n",
        "a\0",
        "é",
        "ａ",
        "a b",
        pytest.param("a" * 58, id="long"),
    ],
)
def test_what_is_no_entity_name(name: str) -> None:
    assert not is_entity_name(name)


@given(ENTITIES, SUFFIXES)
def test_every_run_of_every_agent_has_an_identity_that_is_a_dns_label(agent: str, suffix: str) -> None:
    identity = identity_of(agent, suffix)
    assert is_identity(identity)
    assert len(identity) <= 63


@pytest.mark.parametrize(
    "text", ["", "claude", "claude-", "claude-ABCDE", "claude-abcd", "-abcde", "../x-abcde", "a-abcde\n"]
)
def test_what_is_no_identity(text: str) -> None:
    assert not is_identity(text)


def test_the_nearest_word_is_named_else_all() -> None:
    assert nearest("cluade", ["claude", "codex"]) == "claude"
    assert nearest("zzz", ["claude", "codex"]) is None
    assert did_you_mean("cluade", ["codex", "claude"]) == "did you mean 'claude'?"
    assert did_you_mean("zzz", ["codex", "claude"]) == "known: claude, codex"
    assert did_you_mean("zzz", []) is None
