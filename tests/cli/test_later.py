"""Ports that are made when they are first asked something."""

import pytest

from bottle.adapters.fake.git_keys import FakeGitKeys
from bottle.app.ports import GitKeys
from bottle.cli.later import later
from bottle.domain.errors import UsageError


def test_a_port_is_made_at_the_first_question_and_once() -> None:
    """Making it is what costs; and one that remembers what it was told must not be forgotten."""
    made: list[GitKeys] = []

    def make() -> GitKeys:
        made.append(FakeGitKeys({"/keys/project": "made-up-key"}))
        return made[-1]

    port = later(make)
    assert not made
    assert port.key is not None
    assert port.fault is not None
    assert len(made) == 1


def test_what_keeps_a_port_from_being_made_is_told_at_each_question() -> None:
    """It is no fault of whoever composed the command, which may never ask."""

    def make() -> GitKeys:
        raise UsageError("there is no such file")

    port = later(make)
    for _ in range(2):
        with pytest.raises(UsageError, match="no such file"):
            _ = port.key


def test_a_question_that_a_port_does_not_know_is_a_fault_and_no_loop() -> None:
    """A mistake of ours must come to light as what it is."""
    with pytest.raises(AttributeError, match="unknown"):
        _ = later(FakeGitKeys).unknown  # type: ignore[attr-defined]
