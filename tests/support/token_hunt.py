"""Looks for a secret in anything: as it is, and in the forms in which it would travel unnoticed."""

import base64
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, BinaryIO

from attrs import field, frozen

CHUNK = 1 << 20


@frozen
class Hunt:
    """A secret's recognisable forms. `repr` shows none of them."""

    forms: Mapping[str, bytes] = field(repr=False)

    def in_bytes(self, content: bytes) -> tuple[str, ...]:
        """The forms that occur."""
        return tuple(name for name, form in self.forms.items() if form in content)

    def in_stream(self, chunks: Iterable[bytes]) -> tuple[str, ...]:
        """The forms that occur in a stream, wherever it is cut."""
        overlap = max(len(form) for form in self.forms.values()) - 1
        found: dict[str, None] = {}
        tail = b""
        for chunk in chunks:
            window = tail + chunk
            found.update(dict.fromkeys(self.in_bytes(window)))
            tail = window[-overlap:]
        return tuple(found)

    def in_files(self, directory: Path) -> tuple[str, ...]:
        """The files below a directory that hold it, each with the form."""
        found = []
        for path in sorted(directory.rglob("*")):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as stream:
                    found += [f"{path} ({form})" for form in self.in_stream(_chunks(stream))]
        return tuple(found)

    def in_tar(self, stream: BinaryIO) -> tuple[str, ...]:
        """The members of a tar stream that hold it, in content or name, each with the form."""
        found = []
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                names = f"{member.name}\0{member.linkname}".encode(errors="surrogateescape")
                found += [f"{member.name} (name, {form})" for form in self.in_bytes(names)]
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None:
                    found += [f"/{member.name} ({form})" for form in self.in_stream(_chunks(content))]
        return tuple(found)


def hunt_for(secret: str) -> Hunt:
    """The hunt for one secret: plain, hexadecimal, reversed, and base64 at each offset in both alphabets."""
    raw = secret.encode()
    forms = {"plain": raw, "reversed": raw[::-1], "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode()}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        # What surrounds the secret changes the first and the last characters alone.
        core = encoded[4 if offset else 0 : -4]
        forms[f"base64+{offset}"] = core
        forms[f"base64url+{offset}"] = core.replace(b"+", b"-").replace(b"/", b"_")
    return Hunt(forms)


class Stream(io.RawIOBase):
    """Chunks as a file that can be read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def as_file(chunks: Iterable[bytes]) -> BinaryIO:
    """Chunks as a buffered file."""
    return io.BufferedReader(Stream(chunks), CHUNK)


def _chunks(stream: IO[bytes]) -> Iterable[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk
