"""`python filtered.py FILTER PROGRAM ...`: puts a filter on and becomes the program, with nothing between."""

import ctypes
import os
import sys
from pathlib import Path

_NO_NEW_PRIVILEGES, _SECCOMP, _MODE_FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def put_on(code: bytes) -> None:
    """The filter holds for this thread and all that it starts, for good. Raises OSError where the kernel refuses it."""
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code) // 8, code)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "the filter was refused")


if __name__ == "__main__":
    put_on(Path(sys.argv[1]).read_bytes())
    os.execvp(sys.argv[2], sys.argv[2:])
