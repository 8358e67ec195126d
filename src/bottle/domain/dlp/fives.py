"""Base85 read back, in its common alphabets."""

import base64
from collections.abc import Callable, Iterator
from typing import Final

from attrs import frozen

from bottle.domain.dlp.bases import DIGITS, LOWER, UPPER, beginnings
from bottle.domain.dlp.hints import ROW_85
from bottle.domain.dlp.telling import PRINTED

_RFC1924: Final = DIGITS + UPPER + LOWER + b"!#$%&()*+-;<=>?@^_`{|}~"
_ZERO85: Final = DIGITS + LOWER + UPPER + b".-:+=^!/*?&<>()[]{}@%$#"
_TO_RFC1924: Final = bytes.maketrans(_ZERO85, _RFC1924)
_FROM_RFC1924: Final = bytes.maketrans(_RFC1924, _ZERO85)
_ASCII85: Final = bytes(range(33, 118))
_TOO_MUCH: Final = 1 << 32
_MOST_SEARCHED: Final = 4096


@frozen
class _Alphabet:
    """One of the alphabets: `leads` are the signs that a group begins with when its first byte is printable."""

    bit: int
    digits: bytes
    decode: Callable[[bytes], bytes]
    openings: tuple[bytes, ...]
    leads: bytes
    worth: dict[int, int]

    @classmethod
    def of(
        cls, bit: int, digits: bytes, encode: Callable[[bytes], bytes], decode: Callable[[bytes], bytes]
    ) -> "_Alphabet":
        worth = {sign: value for value, sign in enumerate(digits)}
        return cls(bit, digits, decode, beginnings(encode), digits[:1] + digits[10:42], worth)

    def opens_with_text(self, run: bytes) -> bool:
        """Whether the first groups are four characters each, or zeros beside them, as UTF-16 has."""
        for at in range(0, ROW_85.shortest, 5):
            number = 0
            for sign in run[at : at + 5]:
                number = number * 85 + self.worth.get(sign, _TOO_MUCH)
            if number >= _TOO_MUCH or number.to_bytes(4).translate(None, PRINTED + b"\0"):
                return False
        return True

    def read(self, run: bytes) -> bytes:
        """What it decodes to, up to a sign that is none of the alphabet's, and to a group that is too much."""
        run = run[: len(run) - len(run.lstrip(self.digits + b"zy"))]
        try:
            return self.decode(run)
        except ValueError:
            return _leading(run[:_MOST_SEARCHED], self.decode)


def from_base85(run: bytes, leads: int) -> Iterator[bytes]:
    """What a run of signs with these leads decodes to, as far as it does, where its beginning is text or packed."""
    for alphabet in _ALPHABETS:
        is_text = leads & alphabet.bit and alphabet.opens_with_text(run) and _has_signs(run)
        if is_text or run.startswith(alphabet.openings):
            yield alphabet.read(run)


def leads_at(data: bytes, start: int) -> int:
    """In which alphabets the first groups of a run may be text or begin something packed: a bit for each."""
    if data[start : start + 2] in _PACKED:
        return _ANY
    return (
        _LEADS[data[start]]
        & _LEADS[data[start + 5]]
        & _LEADS[data[start + 10]]
        & _LEADS[data[start + 15]]
        & _LEADS[data[start + 20]]
    )


def _has_signs(run: bytes) -> bool:
    """There is no base85 without signs, nor without letters of both cases."""
    return not (run.isalnum() or run.islower() or run.isupper())


def _leading(text: bytes, decode: Callable[[bytes], bytes]) -> bytes:
    """As much as can be decoded from the beginning."""
    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            decode(text[:middle])
            low = middle
        except ValueError:
            high = middle
    return decode(text[:low])


def _ascii85(text: bytes) -> bytes:
    return base64.a85decode(text)


def _rfc1924(text: bytes) -> bytes:
    return base64.b85decode(text)


def _zero85(text: bytes) -> bytes:
    return base64.b85decode(text.translate(_TO_RFC1924))


_ALPHABETS: Final = (
    _Alphabet.of(1, _ASCII85, base64.a85encode, _ascii85),
    _Alphabet.of(2, _RFC1924, base64.b85encode, _rfc1924),
    _Alphabet.of(4, _ZERO85, lambda data: base64.b85encode(data).translate(_FROM_RFC1924), _zero85),
)
_PACKED: Final = frozenset(opening[:2] for one in _ALPHABETS for opening in one.openings)
_ANY: Final = sum(one.bit for one in _ALPHABETS)
_LEADS: Final = tuple(sum(one.bit for one in _ALPHABETS if sign in one.leads) for sign in range(256))
