"""Runs a seccomp filter as the kernel does, so that a filter for another machine can be tried here."""

import errno
import struct
from collections.abc import Sequence

X86_64, AARCH64, I386, ARM = 0xC000003E, 0xC00000B7, 0x40000003, 0x40000028
ARCHITECTURES = {"x86_64": X86_64, "aarch64": AARCH64}

_MOST_INSTRUCTIONS = 4096  # BPF_MAXINSNS
_WORD = 2**32


def verdict(program: bytes, architecture: int, number: int, arguments: Sequence[int] = ()) -> str:
    """`allow`, `kill`, or the name of the error. AssertionError for a program that the kernel would not take."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number % _WORD, architecture, 0, *(argument % 2**64 for argument in padded))
    return _said(_run(program, data))


def _said(returned: int) -> str:
    action, value = returned & 0xFFFF0000, returned & 0xFFFF
    return {0x7FFF0000: "allow", 0x80000000: "kill", 0x00050000: errno.errorcode.get(value, "")}[action]


def _run(program: bytes, data: bytes) -> int:
    instructions = list(struct.iter_unpack("<HBBI", program))
    assert 0 < len(instructions) <= _MOST_INSTRUCTIONS
    place, word = 0, 0
    while True:
        code, if_true, if_false, operand = instructions[place]
        place += 1
        if code == 0x06:  # BPF_RET | BPF_K
            return int(operand)
        if code == 0x20:  # BPF_LD | BPF_W | BPF_ABS
            assert operand % 4 == 0
            (word,) = struct.unpack_from("<I", data, operand)
        elif code == 0x54:  # BPF_ALU | BPF_AND | BPF_K
            word &= operand
        elif code == 0x05:  # BPF_JMP | BPF_JA
            place += operand
        else:
            place += if_true if _holds(code, word, operand) else if_false


def _holds(code: int, word: int, operand: int) -> bool:
    return {0x15: word == operand, 0x35: word >= operand, 0x45: bool(word & operand)}[code]
