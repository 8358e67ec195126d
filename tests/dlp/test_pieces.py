"""A value that is cut up over one text is found by its pieces; texts that hold some of them are not refused."""

import json
from collections.abc import Callable

import pytest

from bottle.domain.dlp.pieces import Pieces
from sidecars.scanner.literals import Vectorscan
from tests.dlp.scanning import HEXADECIMAL, OPAQUE, PHRASE, UUID, found

Cut = Callable[[list[str]], str]
CUTS: dict[str, Cut] = {
    "a shell's variables": lambda parts: "; ".join(f"V{number}={part}" for number, part in enumerate(parts)),
    "program text": lambda parts: "\n".join(f"token += {part!r}" for part in parts),
    "calls": lambda parts: f"({parts[0]!r})" + "".join(f".concat({part!r})" for part in parts[1:]),
    "members": lambda parts: json.dumps({f"part_{number}": part for number, part in enumerate(parts)}, indent=2),
    "objects in text": lambda parts: json.dumps({"text": json.dumps([{"id": 7, "t": part} for part in parts])}),
    "cookies": lambda parts: "; ".join(f"c{number}={part}" for number, part in enumerate(parts)),
    "rows": lambda parts: "\n".join(f"{number},{part},ok" for number, part in enumerate(parts)),
    "a log": lambda parts: "\n".join(f"2026-01-01T00:00:0{number}Z INFO {part}" for number, part in enumerate(parts)),
    "events": lambda parts: "\n\n".join(f'data: {{"delta": {{"text": "{part}"}}}}' for part in parts),
    "parts of a form": lambda parts: "".join(f'--b\r\nname="f{len(part)}"\r\n\r\n{part}\r\n' for part in parts),
    "CDATA": lambda parts: "]]><![CDATA[".join(parts),
    "lengths": lambda parts: "".join(f"{len(part)}:{part}," for part in parts),
    "the other way round": lambda parts: " ".join(reversed(parts)),
}


@pytest.mark.parametrize("size", [4, 5, 7, 11])
@pytest.mark.parametrize("value", [OPAQUE, UUID])
@pytest.mark.parametrize("name", CUTS)
def test_pieces_of_any_length_are_found_in_what_lies_around_them(name: str, value: str, size: int) -> None:
    parts = [value[at : at + size] for at in range(0, len(value), size)]
    assert found(b"before " + CUTS[name](parts).encode() + b" after") is not None


def test_pieces_are_found_in_the_middle_of_a_long_text() -> None:
    text = b"nothing of interest, " * 2000
    parts = b" and ".join(OPAQUE[at : at + 5].encode() for at in range(0, len(OPAQUE), 5))
    assert found(text + parts + text) is not None


def test_a_value_that_lacks_a_piece_is_none() -> None:
    parts = [OPAQUE[at : at + 5] for at in range(0, len(OPAQUE), 5)]
    for lost in range(4):
        assert found(" - ".join(parts[:lost] + parts[lost + 1 :]).encode()) is None


def test_pieces_that_stand_far_apart_are_chance() -> None:
    """They are in any text that is long enough; what is said of requests holds for a text, too: only near ones tell."""
    far = (b" and so on" * 300).join(OPAQUE[at : at + 5].encode() for at in range(0, len(OPAQUE), 5))
    assert found(far) is None


@pytest.mark.parametrize(
    "value", [PHRASE, HEXADECIMAL[:16], "postgres://localhost:5432/main_db", "acme-production-2024-eu-west"]
)
def test_words_and_addresses_are_not_looked_for_in_pieces(value: str) -> None:
    """Their parts stand together in many a text that never saw the whole."""
    pieces = Pieces.of([value.encode()], Vectorscan())
    assert pieces.find(" ".join(value[at : at + 5] for at in range(0, len(value), 5)).encode()) == set()


def test_of_several_values_the_one_is_told() -> None:
    pieces = Pieces.of([UUID.encode(), b"short", OPAQUE.encode()], Vectorscan())
    assert pieces.find(b"|".join(OPAQUE[at : at + 6].encode() for at in range(0, 26, 6))) == {2}
    assert pieces.find(b"") == set()
    assert Pieces.of([], Vectorscan()).find(b"anything") == set()


def test_of_a_long_value_the_beginning_tells() -> None:
    long = (OPAQUE + UUID.replace("-", "")) * 9
    text = b"\n".join(b"> " + long[at : at + 12].encode() for at in range(0, len(long), 12))
    assert Pieces.of([long.encode()], Vectorscan()).find(text) == {0}


@pytest.mark.parametrize("value", ["abcd1234efgh5678ijkl", "ABCDefghIJKLmnopQRST", "abcdEFGHijklMNOPqrst"])
def test_digits_or_capitals_amid_letters_are_chance_enough(value: str) -> None:
    """A value of twenty characters in which they take turns every four is no name."""
    apart = " ".join(value[at : at + 4] for at in range(0, 20, 4)).encode()
    assert Pieces.of([value.encode()], Vectorscan()).find(apart) == {0}
    assert Pieces.of([value[:19].encode()], Vectorscan()).find(apart) == set()


def test_three_characters_are_no_piece() -> None:
    """They are in every text; so a value of which the last four are missing is not found by three of them."""
    pieces = Pieces.of([OPAQUE.encode()], Vectorscan())
    assert pieces.find(OPAQUE[:-3].encode()) == {0}
    assert pieces.find(f"{OPAQUE[:-4]} and {OPAQUE[-3:]}".encode()) == set()


def test_pieces_a_thousand_bytes_apart_are_found_wherever_they_stand_in_a_long_text() -> None:
    """A long text is looked at in halves, which share what one value's pieces may take."""
    pieces = Pieces.of([OPAQUE.encode()], Vectorscan())
    text = OPAQUE[:14].encode() + b"-" * 980 + OPAQUE[14:].encode()
    filler = b"nothing of interest, " * 400
    for place in range(0, 7400, 53):
        assert pieces.find(filler[:place] + text + filler[place + len(text) :]) == {0}, place
