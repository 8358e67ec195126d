"""The sieve never says no where a form stands: with it the same is found as without."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bottle.domain.secret_forms import SecretForms, expressions
from sidecars.egress.sieve import sieve_of
from tests.domain.test_secret_forms import FORMS, TOKENS, each_case

SIEVE = sieve_of(expressions(TOKENS))
PLAIN, SIFTED = SecretForms(TOKENS), SecretForms(TOKENS, SIEVE)


@each_case
@pytest.mark.parametrize("around", [(b"", b""), (b"\xff\0\n" * 99, b"\n\xc3"), (b"%41" * 7, b"\\u0041")])
def test_every_form_passes_wherever_it_stands(form: str, value: bytes, around: tuple[bytes, bytes]) -> None:
    data = FORMS[form](value).join(around)
    assert SIEVE(data)
    assert SIFTED.spans(data) == PLAIN.spans(data) != []


@settings(max_examples=300)
@given(st.lists(st.sampled_from(TOKENS) | st.binary(max_size=40) | st.sampled_from([b"%41%42", b"\\u0041", b"&#65;"])))
def test_with_a_sieve_the_same_is_found(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert SIFTED.search(data) == PLAIN.search(data)


def test_what_holds_nothing_like_it_does_not_pass() -> None:
    sieve = sieve_of(expressions([b"ghp_0123456789abcdefABCDEF0123456789abcd"]))
    assert not sieve(b"")
    assert not sieve(b'{"progress": "100%", "path": "C:\\\\temp", "text": "a &amp; b"}' * 99)
