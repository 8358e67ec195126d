"""What was encoded a few characters at a time is read as one text, wherever the encoded words stand."""

import base64
import json
from collections.abc import Callable

import pytest

from bottle.domain.dlp.chunks import put_together
from bottle.domain.dlp.hints import Hints
from sidecars.scanner.literals import Vectorscan
from tests.dlp.scanning import OPAQUE, PHRASE, TOKEN, engine, found

Carrier = Callable[[list[str]], str]
CARRIERS: dict[str, Carrier] = {
    "a list": json.dumps,
    "a list of lines": lambda words: json.dumps(words, indent=2),
    "objects": lambda words: json.dumps([{"id": number, "part": word} for number, word in enumerate(words)]),
    "a JSON text in JSON": lambda words: json.dumps({"text": json.dumps(words)}),
    "lines": "\n".join,
    "lines of Windows": "\r\n".join,
    "a subject": lambda words: "Subject: " + " ".join(f"=?utf-8?B?{word}?=" for word in words),
    "a folded subject": lambda words: "Subject: " + "\r\n ".join(f"=?UTF-8?b?{word}?=" for word in words),
    "words": " ".join,
    "a row of a table": ",".join,
}


def _words(text: str, size: int) -> list[str]:
    return [base64.b64encode(text[at : at + size].encode()).decode() for at in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 4, 7])
@pytest.mark.parametrize("name", CARRIERS)
def test_a_secret_in_words_of_a_few_characters_is_found(name: str, size: int) -> None:
    """The words by themselves say nothing, and what stands between them is no part of it."""
    for secret in (one for one in (OPAQUE, PHRASE, TOKEN) if len(one) > 3 * size):
        text = f"before {CARRIERS[name](_words(secret, size))} after"
        assert found(text.encode(), by=engine(patterns=True)) is not None, secret


@pytest.mark.parametrize("name", ["a list", "a list of lines", "objects", "lines", "a subject", "a row of a table"])
@pytest.mark.parametrize("size", [2, 5, 8])
def test_words_with_one_sign_of_padding_are_read_where_something_ends_with_them(name: str, size: int) -> None:
    text = CARRIERS[name](_words(OPAQUE, size)) + "\n"
    assert found(text.encode()) is not None


def test_words_that_stand_far_apart_or_are_few_are_not_put_together() -> None:
    """By chance there is one here and there, and each that is read costs a look."""
    hints = Hints.by(Vectorscan())
    for text in (" ".join(_words(OPAQUE[:8], 4)), ("-" * 300).join(_words(OPAQUE, 4))):
        assert list(put_together(text.encode(), hints.padded(text.encode()))) == []
    assert list(put_together(b"", ())) == []


def test_groups_are_read_each_by_itself_and_without_the_words_between() -> None:
    groups = ["; ".join(_words(text, 4)) for text in (OPAQUE, PHRASE)]
    text = (" and some other words, far enough apart from what comes then " * 6).join(groups).encode()
    said = list(put_together(text, Hints.by(Vectorscan()).padded(text)))
    assert [secret.encode() in one for secret, one in zip((OPAQUE, PHRASE), said, strict=True)] == [True, True]
    assert PHRASE.encode() not in said[0]


def test_words_in_the_alphabet_of_addresses_are_read_too() -> None:
    words = [base64.urlsafe_b64encode(part).decode() for part in (b"?>>?", b"say", b"~~?~", b"that")]
    text = " ".join(words).encode()
    assert {b"-", b"_"} <= {text[at : at + 1] for at in range(len(text))}
    assert list(put_together(text + b" ", Hints.by(Vectorscan()).padded(text + b" "))) == [b"?>>?say~~?~that"]
