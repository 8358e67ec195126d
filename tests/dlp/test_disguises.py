"""A token that only patterns know is found backwards and under other alphabets, by what its maker opens it with."""

import base64
import codecs
import string

import pytest
from attrs import evolve

from bottle.domain.dlp.disguises import Disguises
from bottle.domain.dlp.matching import Match, NoPatterns
from sidecars.scanner.literals import Vectorscan
from tests.dlp.scanning import Spelling, engine, found

TOKEN = "ghp_" + "Zk93hfQw7LmP2xVb4TnR8cYd6JsA1GuE5oHi"
_LETTERS = string.ascii_uppercase + string.ascii_lowercase


class Tokens(NoPatterns):
    """A stand-in for patterns: `ghp_` and 36 letters or digits."""

    def find(self, data: bytes) -> list[Match]:
        at = data.find(b"ghp_")
        return [Match("github", at, at + 40)] if at >= 0 and data[at + 4 : at + 40].isalnum() else []


BY = evolve(engine(), patterns=Tokens())


def _turned(by: int) -> Spelling:
    to = _LETTERS[by:26] + _LETTERS[:by] + _LETTERS[26 + by :] + _LETTERS[26 : 26 + by]
    return lambda value: value.decode().translate(str.maketrans(_LETTERS, to)).encode()


def _mirrored(value: bytes) -> bytes:
    mirror = string.ascii_uppercase[::-1] + string.ascii_lowercase[::-1]
    return value.decode().translate(str.maketrans(_LETTERS, mirror)).encode()


DISGUISED: dict[str, Spelling] = {
    "reversed": lambda value: value[::-1],
    "rot13": lambda value: codecs.encode(value.decode(), "rot13").encode(),
    **{f"turned by {by}": _turned(by) for by in range(1, 26)},
    "atbash": _mirrored,
    "rot47": lambda value: bytes(33 + (code - 33 + 47) % 94 for code in value),
    "one code further": lambda value: bytes(code + 1 for code in value),
    "one code back": lambda value: bytes(code - 1 for code in value),
}


@pytest.mark.parametrize("name", DISGUISED)
def test_a_token_in_disguise_is_found(name: str) -> None:
    disguised = DISGUISED[name](TOKEN.encode())
    for text in (disguised, b"before " + disguised + b" after", base64.b64encode(b"it is " + disguised + b" here")):
        finding = found(text, by=BY)
        assert finding is not None
        assert finding.rule == "dlp.github"


@pytest.mark.parametrize("place", [0, 100, 5000, 120_000])
def test_it_is_found_wherever_it_stands(place: int) -> None:
    assert found(b"- " * (place // 2) + TOKEN[::-1].encode() + b" -" * 700, by=BY) is not None


def test_each_of_several_far_apart_is_undone() -> None:
    text = b" far away ".join(b"_phg" + b"%d" % number + b"x" * 3000 for number in range(3))
    parts = [part for part in Disguises.by(Vectorscan()).undone(text) if b"ghp_" in part]
    assert len(parts) == 3


def test_only_what_lies_around_it_is_undone() -> None:
    """Letters that meet by chance must not make a long text dear."""
    parts = list(Disguises.by(Vectorscan()).undone(b"x" * 9000 + b"_phg" + b"x" * 9000))
    assert [part.count(b"ghp_") for part in parts] == [1]
    assert max(map(len, parts)) <= 4096


def test_text_without_any_is_not_undone() -> None:
    assert list(Disguises.by(Vectorscan()).undone(b"plain words, and ghp_ as it is")) == []
