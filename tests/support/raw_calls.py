"""Makes system calls by number and says what became of them. Runs inside a box, with the system's own Python.

argv[1] is a JSON list of [number, argument ...]; the answer is a JSON list of error names, "" for a call that succeeded
and a signal's name for one that ended its process. A number that is a string is machine code to be run instead.
"""

import ctypes
import errno
import json
import mmap
import os
import signal
import sys


def attempt(number: int | str, arguments: list[int]) -> str:
    """One call in a process of its own, for some calls do not return."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, said(number, arguments).encode())
        os._exit(0)
    os.close(writing)
    answer = os.read(reading, 100).decode()
    os.close(reading)
    _, status = os.waitpid(child, 0)
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else answer


def said(number: int | str, arguments: list[int]) -> str:
    if isinstance(number, str):
        result = run(bytes.fromhex(number))
        return errno.errorcode[-result] if result < 0 else ""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_ulong, arguments))
    return errno.errorcode[ctypes.get_errno()] if result == -1 else ""


def run(code: bytes) -> int:
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return int(ctypes.CFUNCTYPE(ctypes.c_int)(address)())


if __name__ == "__main__":
    calls = json.loads(sys.argv[1])
    sys.stdout.write(json.dumps([attempt(number, arguments) for number, *arguments in calls]))
