"""Classic BPF as seccomp(2) reads it, composed of pieces. A piece is machine code that ends in a verdict on every path.

Pieces nest, so nothing has a label, no jump can miss and none goes backwards. There is no library to lean on: the
wheels of libseccomp's binding are for x86_64 alone, pyseccomp wants libseccomp.so on the host, and a younger one loads
its filters into the process that makes them, where ours is handed to bwrap as bytes.
"""

import struct
from collections.abc import Iterable, Sequence

Piece = bytes

_SIZE = 8  # struct sock_filter: code, jump if true, jump if false, operand
_FARTHEST = 255  # a conditional jump counts in one byte

_LOAD, _AND, _JUMP, _RETURN = 0x20, 0x54, 0x05, 0x06
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45

_RET_KILL_PROCESS = 0x80000000
_RET_ERRNO = 0x00050000
_RET_ALLOW = 0x7FFF0000

# struct seccomp_data: number, architecture, instruction pointer, six arguments of 64 bits, all little endian
NUMBER, ARCHITECTURE = 0, 4
_ARGUMENTS = 16


def low(argument: int) -> int:
    """Where the low 32 bits of an argument stand: all that the kernel reads of an `int`."""
    return _ARGUMENTS + 8 * argument


def high(argument: int) -> int:
    """Where its high 32 bits stand."""
    return low(argument) + 4


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, operand)


ALLOW: Piece = _instruction(_RETURN, _RET_ALLOW)
KILL: Piece = _instruction(_RETURN, _RET_KILL_PROCESS)


def refuse(errno: int) -> Piece:
    """The call does nothing and fails with this error."""
    return _instruction(_RETURN, _RET_ERRNO | errno)


def look_at(place: int, piece: Piece, *, mask: int | None = None) -> Piece:
    """Decides by the word at a place, or by some of its bits."""
    masked = b"" if mask is None else _instruction(_AND, mask)
    return _instruction(_LOAD, place) + masked + piece


def equal(value: int, yes: Piece, no: Piece) -> Piece:
    return _branch(_EQUAL, value, yes, no)


def any_bit(mask: int, yes: Piece, no: Piece) -> Piece:
    return _branch(_ANY_BIT, mask, yes, no)


def one_of(values: Iterable[int], yes: Piece, no: Piece) -> Piece:
    piece = no
    for value in values:
        piece = equal(value, yes, piece)
    return piece


def by_range(pieces: Sequence[tuple[int, Piece]]) -> Piece:
    """The piece of the range that holds the word: each begins at its number, the first at 0."""
    if len(pieces) == 1:
        return pieces[0][1]
    middle = len(pieces) // 2
    return _branch(_AT_LEAST, pieces[middle][0], by_range(pieces[middle:]), by_range(pieces[:middle]))


def _branch(test: int, value: int, yes: Piece, no: Piece) -> Piece:
    distance = len(yes) // _SIZE
    if distance <= _FARTHEST:
        return _instruction(test, value, 0, distance) + yes + no
    return _instruction(test, value, 1, 0) + _instruction(_JUMP, distance) + yes + no
