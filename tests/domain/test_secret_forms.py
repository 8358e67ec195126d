"""A known value is found in every form, however the data is cut; and nothing else is."""

import base64
import codecs
import html
import itertools
import json
import random
import string
import urllib.parse
from collections.abc import Callable, Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bottle.domain.masking import Masker
from bottle.domain.secret_forms import SecretForms

TOKENS = [
    b"sk-test-Zm9vYmFy+/0123456789",
    b"abcabd",
    b"ghp_0123456789abcdefABCDEF0123456789abcd",
    b"p&ss<w>\"r'd\\/ %41 x",
    b"eyJhbGciOiJIUzI1NiJ9." + base64.urlsafe_b64encode(bytes(range(256)) * 2).rstrip(b"=") + b".c2lnbmF0dXJl",
    b"-_.-+/=.",
    b"9999999999",
]


def _each(write: Callable[[int], bytes]) -> Callable[[bytes], bytes]:
    return lambda value: b"".join(map(write, value))


def _named(text: str) -> str:
    return text.translate({ord(character): f"&{name};" for character, name in NAMES.items()})


def _rotated(text: bytes) -> bytes:
    return codecs.encode(text.decode(), "rot13").encode()


def _wrapped(text: bytes, end: bytes) -> bytes:
    return end.join(text[at : at + 76] for at in range(0, len(text), 76))


NAMES = {"/": "sol", "+": "plus", "=": "equals", "_": "lowbar", ".": "period", ":": "colon"}
FORMS: dict[str, Callable[..., bytes]] = {
    "plain": lambda value: value,
    "hex": lambda value: value.hex().encode(),
    "HEX": lambda value: value.hex().upper().encode(),
    **{f"base64 at {n}": lambda value, n=n: base64.b64encode(b"abc"[:n] + value + b"more") for n in range(3)},
    **{f"base64url at {n}": lambda value, n=n: base64.urlsafe_b64encode(b"abc"[:n] + value + b"..") for n in range(3)},
    "base64 in JSON of PHP": lambda value: base64.b64encode(value + b"??>").replace(b"/", b"\\/"),
    "base64 in a query": lambda value: urllib.parse.quote_plus(base64.b64encode(value)).encode(),
    "percent": lambda value: urllib.parse.quote(value, safe="").encode(),
    "percent, form": lambda value: urllib.parse.quote_plus(value, safe="").encode(),
    "percent twice": lambda value: urllib.parse.quote(urllib.parse.quote(value, safe=""), safe="").encode(),
    "all percent": _each(lambda code: b"%%%02X" % code),
    "all percent, lower case": _each(lambda code: b"%%%02x" % code),
    "all percent twice": _each(lambda code: b"%%25%02X" % code),
    "JSON": lambda value: json.dumps(value.decode())[1:-1].encode(),
    "JSON in JSON": lambda value: json.dumps(json.dumps(value.decode())[1:-1])[1:-1].encode(),
    "all JSON": _each(lambda code: b"\\u%04x" % code),
    "all JSON, upper case": _each(lambda code: b"\\u%04X" % code),
    "all JSON in JSON": _each(lambda code: b"\\\\u%04x" % code),
    "JavaScript": _each(lambda code: b"\\x%02x" % code),
    "HTML": lambda value: html.escape(value.decode()).encode(),
    "all HTML": _each(lambda code: b"&#%d;" % code),
    "all HTML, padded": _each(lambda code: b"&#%03d;" % code),
    "all HTML in hex": _each(lambda code: b"&#x%02X;" % code),
    "HTML of all but letters": _each(lambda code: b"%c" % code if chr(code).isalnum() else b"&#x%02x;" % code),
    "HTML by names": lambda value: _named(html.escape(value.decode())).encode(),
    "base64 at the end of a line": lambda value: _wrapped(base64.b64encode(b"a" * 24 + value + b"more"), b"\n"),
    "base64 on two lines": lambda value: _wrapped(base64.b64encode(b"a" * 53 + value + b"more"), b"\r\n"),
    "base64 on two lines of JSON": lambda value: _wrapped(base64.b64encode(b"a" * 55 + value + b"more"), b"\\n"),
    **{f"base32 at {n}": lambda value, n=n: base64.b32encode(b"abcde"[:n] + value + b"...") for n in range(5)},
    "base32, lower case": lambda value: base64.b32encode(value + b"...").lower(),
    "hex in pairs": lambda value: value.hex(" ").encode(),
    "HEX in pairs": lambda value: value.hex(":").upper().encode(),
    "hex in C": lambda value: b", ".join(b"0x%02x" % code for code in value),
    "numbers": lambda value: json.dumps(list(value)).encode()[1:-1],
    "numbers without spaces": lambda value: json.dumps(list(value), separators=(",", ":")).encode()[1:-1],
    "UTF-16, big": lambda value: value.decode().encode("utf-16-be"),
    "UTF-16, little": lambda value: value.decode().encode("utf-16-le"),
    "base64 of UTF-16": lambda value: base64.b64encode(value.decode().encode("utf-16-le") + b"more"),
}  # fmt: skip
EDGES = {"base64": 14, "base32": 20, "UTF-16": 1, "hex in C": 2, "base64 at the end of a line": 46,
         "base64 on two lines": 92, "base64 of UTF-16": 16}  # fmt: skip
"""How much of what is written may stay: what stands beside the value, and what depends on both."""


CASES = [(form, value) for form in FORMS for value in TOKENS if len(value) > 8 or "two lines" not in form]
"""Of short values a line's end leaves too little to find them by."""
each_case = pytest.mark.parametrize(("form", "value"), CASES, ids=lambda part: part[:30])


@each_case
def test_every_form_is_covered_wherever_it_is_cut(form: str, value: bytes) -> None:
    written: bytes = FORMS[form](value)
    data = b'{"you": "' + written + b'"}\n'
    forms = SecretForms([value])
    whole = forms.masked(data)
    assert len(whole) == len(data)
    spans = forms.spans(data)
    assert spans, written
    assert whole.startswith(b'{"you": "')
    assert whole.endswith(b'"}\n')
    start, end = spans[0][0], max(end for _, end in spans)
    extra = max((size for edge, size in EDGES.items() if form.startswith(edge)), default=0)
    assert end - start >= len(written) - extra
    for size in (1 if len(data) < 500 else 97, 7 if len(data) < 500 else 1000, len(data) // 2):
        assert _masked(forms, data, range(0, len(data), size)) == whole


def _masked(forms: SecretForms, data: bytes, cuts: Iterable[int]) -> bytes:
    masker = Masker(forms)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    out = b"".join(masker.feed(data[a:b]) for a, b in itertools.pairwise(places))
    return out + masker.finish()


_VALUES = st.sampled_from([value for value in TOKENS if len(value) < 50])
_SPELLINGS = st.sampled_from(sorted(FORMS))


@st.composite
def _texts(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A value, and a text of its forms, of pieces of them, and of other things."""
    value = draw(_VALUES)
    pieces = []
    for _ in range(draw(st.integers(0, 6))):
        written: bytes = FORMS[draw(_SPELLINGS)](value)
        first, last = sorted((draw(st.integers(0, len(written))), draw(st.integers(0, len(written)))))
        pieces.append(
            draw(st.sampled_from([written, written, written[first:last], written[:last], b"\n", b"\\", b"%"]))
        )
    return value, b"".join(pieces)


@settings(max_examples=600, deadline=None)
@given(_texts(), st.lists(st.integers(0, 2000), max_size=12))
@example((b"abcabd", b"abcabcabdabcabd"), [4, 8])
def test_how_the_data_is_cut_makes_no_difference(text: tuple[bytes, bytes], cuts: list[int]) -> None:
    value, data = text
    forms = SecretForms([value])
    assert _masked(forms, data, cuts) == forms.masked(data)
    assert value not in forms.masked(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_bytes_without_the_value_stay_as_they_are(data: bytes, cuts: list[int]) -> None:
    forms = SecretForms([b"ghp_0123456789abcdefABCDEF0123456789abcd", b"sk-other-secret"])
    assert _masked(forms, data, cuts) == data


@pytest.mark.parametrize("bend", [lambda text: text[::-1], bytes.lower, bytes.upper, _rotated, lambda text: text[:14]])
def test_a_long_value_is_found_bent_and_in_halves(bend: Callable[[bytes], bytes]) -> None:
    """So is one that an origin's log cuts off."""
    value = b"ghp-Aa1Bb2Cc3Dd4Ee5Ff6Gg7Hh8"
    data = b"you sent " + bend(value) + b" to us"
    bent = SecretForms([value]).masked(data)
    assert bent == b"you sent " + b"*" * len(bend(value)) + b" to us"
    assert _masked(SecretForms([value]), data, range(len(data))) == bent
    assert SecretForms([b"Password"]).masked(b"drowssaP password PASSWORD") == b"drowssaP password PASSWORD"


def test_several_values_are_looked_for_at_once_and_short_ones_not_at_all() -> None:
    forms = SecretForms([b"secret-one", b"secret-two", b"one", b""])
    assert forms.masked(b"one secret-one secret-two secret-three") == b"one ********** ********** secret-three"
    assert not SecretForms([b"short"])
    assert SecretForms([b"short"]).masked(b"short") == b"short"


EVENTS = [b"data: {}\n\n", b'data: {"text": "a word"}\n\n', b"data: sk-tes\n\n", b"\n", b"data: %\n\n", b": \\ &\n\n"]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_passed_on_at_once(event: bytes) -> None:
    masker = Masker(SecretForms([b"sk-test-Zm9vYmFy+/0123456789"]))
    assert masker.feed(event) == event


def test_only_the_beginning_of_a_form_is_held_back() -> None:
    masker = Masker(SecretForms([b"sk-secret"]))
    assert masker.feed(b"data: sk-sec") == b"data: "
    assert masker.feed(b"ond\n\n") == b"sk-second\n\n"
    assert masker.feed(b"\\u0073%6b") == b""
    assert masker.feed(b"!") == b"\\u0073%6b!"


def test_a_value_that_is_in_nothing_costs_little_memory_and_holds_nothing_back() -> None:
    random.seed(3)
    noise = "".join(random.choices(string.ascii_letters + string.digits + "+/%\\&;", k=200_000)).encode()
    masker = Masker(SecretForms([TOKENS[0]]))
    passed = b"".join(masker.feed(noise[at : at + 1000]) for at in range(0, len(noise), 1000))
    assert len(noise) - len(passed) < 30
    assert passed + masker.finish() == noise


@pytest.mark.parametrize("data", [b"aabaaba", b"aabaabaaaabaaba", b"say aabaabaa"])
def test_what_was_covered_stays_so_though_a_second_form_began_in_it_and_never_ended(data: bytes) -> None:
    forms = SecretForms([b"aabaab"])
    for cut in range(len(data) + 1):
        masker = Masker(forms)
        assert masker.feed(data[:cut]) + masker.feed(data[cut:]) + masker.finish() == forms.masked(data)
        masker = Masker(forms)
        assert masker.feed(data[:cut]) + masker.finish(data[cut:]) == forms.masked(data)
