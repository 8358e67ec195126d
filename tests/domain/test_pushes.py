"""What a trail says of branches that were pushed."""

import json

import pytest

from bottle.domain.pushes import Push, pushes_of


def line(**changes: object) -> str:
    pushed = {"kind": "git", "method": "push", "allowed": True, "host": "g.example", "path": "a/b", "refs": ["refs/x"]}
    return json.dumps({**pushed, **changes})


def test_refs_that_reached_their_upstream_are_told_once() -> None:
    lines = [line(kind="opened"), line(), line(), line(refs=["refs/x", "refs/y"])]
    assert list(pushes_of(lines)) == [Push("g.example", "a/b", "refs/x"), Push("g.example", "a/b", "refs/y")]


@pytest.mark.parametrize(
    "text",
    [
        line(allowed=False),
        line(allowed="true"),
        line(method="fetch"),
        line(kind="http"),
        line(refs=None),
        "[1]",
        "{",
        "",
    ],
)
def test_nothing_else_counts_as_pushed(text: str) -> None:
    assert list(pushes_of([text])) == []
