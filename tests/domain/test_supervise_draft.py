"""A yes as a text to edit: what was written is what is read, and what is not understood is said."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.domain.supervise import SCOPES, EgressWish, InvalidProposalError
from bottle.domain.supervise_draft import Draft, draft_text, read_draft

WISH = EgressWish("pypi.org", "/simple", ("GET", "HEAD"), 8443)
TEXT = draft_text(Draft(WISH))


@given(st.sampled_from(SCOPES), st.integers(1, 9999), st.sampled_from(["", "the mirror: use it"]))
def test_what_was_written_is_read(scope: str, minutes: int, reason: str) -> None:
    draft = Draft(WISH, scope, minutes if scope == "minutes" else 0, reason)  # type: ignore[arg-type]
    assert read_draft(draft_text(draft)) == draft


def test_a_file_with_nothing_left_in_it_is_no_yes() -> None:
    assert read_draft("") is None
    assert read_draft("# host: example.org\n\n   # port: 443\n") is None


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("host: pypi.org", "", "`host:` is missing"),
        ("host: pypi.org", "hots: pypi.org", "did you mean 'host'"),
        ("host: pypi.org", "host: a\nhost: b", "twice"),
        ("port: 8443", "port: many", "port: a number"),
        ("for: bottle", "for: ever", "for: once, bottle, keep"),
        ("for: bottle", "for: 30", "for: once, bottle, keep"),
        ("host: pypi.org", "just words", "is no field"),
    ],
)
def test_what_is_not_understood_is_said(before: str, after: str, says: str) -> None:
    assert before in TEXT
    with pytest.raises(InvalidProposalError, match=says):
        read_draft(TEXT.replace(before, after))


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidProposalError):
        assert read_draft(text) is None
