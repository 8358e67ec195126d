"""Values made for the tests of the scanner, and short ways to ask it."""

import io
import zipfile
from collections.abc import Callable, Iterable
from functools import cache

from bottle.domain.dlp.engine import Engine
from bottle.domain.dlp.finding import Finding
from bottle.domain.dlp.matching import Match, NoPatterns
from bottle.domain.dlp.spellings import Registered
from bottle.domain.dlp.stream import Leak, Stream
from sidecars.scanner.literals import Vectorscan
from sidecars.scanner.unpackers import ALL

OPAQUE = "Hq7zP2mWc9LrT4vXb8NkY6dJs3"
HEXADECIMAL = "9c1f3be27a604d58b3e5"
UUID = "7d0c5a1e-88f2-4b7a-9e31-52c6b0fd4a97"
PHRASE = "amber-walrus-canyon-5821"
VALUES = (OPAQUE, HEXADECIMAL, UUID, PHRASE)

TOKEN = "tok_" + "Zk93hfQw7LmP2xVb"
"""What `Tokens` takes for a secret, though nobody registered it."""


class Tokens:
    """A stand-in for patterns: `tok_` and sixteen letters or digits."""

    window = 64

    def find(self, data: bytes) -> list[Match]:
        found, at = [], data.find(b"tok_")
        while at >= 0:
            if len(data) >= at + 20 and data[at + 4 : at + 20].isalnum():
                found.append(Match("test-token", at, at + 20))
            at = data.find(b"tok_", at + 1)
        return found

    def is_open(self, data: bytes) -> bool:
        return False


@cache
def engine(patterns: bool = False, values: tuple[str, ...] = VALUES) -> Engine:
    registered = [Registered(f"VALUE_{number}", value.encode()) for number, value in enumerate(values)]
    return Engine.of(registered, Tokens() if patterns else NoPatterns(), b"test", Vectorscan(), ALL)


def found(data: bytes, *, coding: str = "", by: Engine | None = None) -> Finding | None:
    """What is found in the data as a whole body."""
    return found_in([data], coding=coding, by=by)


def found_in(pieces: Iterable[bytes], *, coding: str = "", by: Engine | None = None) -> Finding | None:
    """What is found in a body that comes in pieces; where nothing is, all of it has to come out again."""
    passed: list[bytes] = []
    given: list[bytes] = []
    try:
        stream = Stream(by or engine(), "the body", None, coding)
        for piece in pieces:
            given.append(piece)
            passed.append(stream.feed(piece))
        passed.append(stream.finish())
    except Leak as leak:
        return leak.finding
    assert b"".join(passed) == b"".join(given)
    return None


def passed_of(stream: Stream, data: bytes) -> tuple[bytes, bool]:
    """What passed before the leak, and whether there was one."""
    passed = b""
    try:
        for at in range(0, len(data), 16_384):
            passed += stream.feed(data[at : at + 16_384])
        passed += stream.finish()
    except Leak:
        return passed, True
    return passed, False


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", content)
    return file.getvalue()


Spelling = Callable[[bytes], bytes]


def characters_of(value: bytes) -> str:
    """UTF-8, or a character for each byte of what is none."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
