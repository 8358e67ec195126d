"""Lines of the trail, read back: whatever they hold, they are told or passed over."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.domain.trail import Entry, entry_of, fields_of

LINE = {
    "time": "2026-11-21T18:02:11.250Z",
    "id": "c1-4",
    "kind": "http",
    "method": "GET",
    "host": "pypi.org",
    "path": "/simple",
    "allowed": False,
    "rule": "host.unlisted",
    "reason": "no route names it",
    "status": 403,
}


def test_a_line_says_what_was_asked_and_what_came_of_it() -> None:
    entry = entry_of(json.dumps(LINE))
    assert entry == Entry(
        time="2026-11-21T18:02:11.250Z",
        moment=1795284131.25,
        kind="http",
        allowed=False,
        rule="host.unlisted",
        reason="no route names it",
        method="GET",
        host="pypi.org",
        path="/simple",
        status=403,
        exchange="c1-4",
    )
    assert (entry.asked, entry.is_traffic) == ("GET pypi.org/simple", True)


def test_a_line_of_the_bottles_own_course_is_no_traffic() -> None:
    entry = entry_of('{"kind": "lifecycle", "allowed": true, "status": null}')
    assert entry is not None
    assert (entry.is_traffic, entry.asked, entry.status, entry.moment) == (False, "", None, 0.0)


@pytest.mark.parametrize("line", ["", "no JSON", "[1]", "7", "[" * 100_000])
def test_what_is_no_line_of_ours_is_none(line: str) -> None:
    assert fields_of(line) is None
    assert entry_of(line) is None


@pytest.mark.parametrize("allowed", ["true", 1, None])
def test_only_what_says_so_was_allowed(allowed: object) -> None:
    entry = entry_of(json.dumps({**LINE, "allowed": allowed}))
    assert entry is not None
    assert not entry.allowed


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)


@given(st.dictionaries(st.sampled_from(sorted(LINE)), JSON))
def test_ill_typed_values_break_nothing(values: dict[str, object]) -> None:
    entry = entry_of(json.dumps(values))
    assert entry is not None
    assert isinstance(entry.asked, str)
