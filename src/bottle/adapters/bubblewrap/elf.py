"""What a file says about how it is run, read from its first bytes. Nothing is ever executed to find out."""

import shlex
import struct
from pathlib import Path

_MAGIC = b"\x7fELF"
_HEAD = 4096
_PT_INTERP = 3
_WORDS = {1: ("<", 4), 2: ("<", 8)}
"""By the class byte: word order of all machines that are served here, and the size of an address."""


def is_elf(path: Path) -> bool:
    """Whether the file is a native program or library. Raises OSError."""
    return _head(path).startswith(_MAGIC)


def loader(path: Path) -> str | None:
    """The dynamic loader that a native program names; None for a static one. Raises OSError, ValueError."""
    head = _head(path)
    try:
        return _interpreter(path, head)
    except (struct.error, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is a damaged program") from error


def shebang(path: Path) -> tuple[str, ...]:
    """The words of a script's first line behind `#!`; empty where there is none. Raises OSError."""
    first = _head(path).split(b"\n", 1)[0]
    if not first.startswith(b"#!"):
        return ()
    try:
        return tuple(shlex.split(first[2:].decode()))
    except ValueError:  # also what cannot be decoded
        return ()


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _interpreter(path: Path, head: bytes) -> str | None:
    order, size = _WORDS[head[4]]
    offset = struct.unpack_from(f"{order}{'Q' if size == 8 else 'I'}", head, 0x20 if size == 8 else 0x1C)[0]
    entry_size, count = struct.unpack_from(f"{order}HH", head, 0x36 if size == 8 else 0x2A)
    with path.open("rb") as file:
        file.seek(offset)
        table = file.read(entry_size * count)
        for at in range(0, len(table), entry_size):
            if struct.unpack_from(f"{order}I", table, at)[0] != _PT_INTERP:
                continue
            layout = (f"{order}8xQ16xQ", at) if size == 8 else (f"{order}4xI8xI", at)
            start, length = struct.unpack_from(layout[0], table, layout[1])
            file.seek(start)
            return file.read(min(length, _HEAD)).rstrip(b"\0").decode()
    return None
