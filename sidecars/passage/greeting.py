"""How the two ends of a passage show each other that they know its key, before a byte of anybody else's passes.

Each says a number that nobody ever said before, and shows a code over both (HMAC, RFC 2104) that nobody can make
without the key. The caller is shown first: at a port that another program has taken meanwhile it hangs up.
"""

import asyncio
import hmac
import os

from sidecars.passage.carry import Ends

SECONDS = 10.0
"""How long an end may take to show what it knows."""

_NUMBER = 32
_PORT = 2
_CALLER, _DOOR = b"caller", b"door"


class StrangerError(Exception):
    """The other end does not know the key, or is not there."""


async def call(ends: Ends, key: bytes, port: int) -> None:
    """Asks the other end for what serves at a port behind it. Raises StrangerError."""
    reader, writer = ends
    asked = os.urandom(_NUMBER) + port.to_bytes(_PORT, "big")
    writer.write(asked)
    said = asked + await _heard(reader, _NUMBER)
    if not hmac.compare_digest(await _heard(reader, _NUMBER), _code(key, _DOOR, said)):
        raise StrangerError
    writer.write(_code(key, _CALLER, said))


async def answer(ends: Ends, key: bytes) -> int:
    """The port that a caller asks for who knows the key. Raises StrangerError."""
    reader, writer = ends
    asked = await _heard(reader, _NUMBER + _PORT)
    number = os.urandom(_NUMBER)
    said = asked + number
    writer.write(number + _code(key, _DOOR, said))
    if not hmac.compare_digest(await _heard(reader, _NUMBER), _code(key, _CALLER, said)):
        raise StrangerError
    return int.from_bytes(asked[_NUMBER:], "big")


def _code(key: bytes, who: bytes, said: bytes) -> bytes:
    return hmac.digest(key, who + said, "sha256")


async def _heard(reader: asyncio.StreamReader, size: int) -> bytes:
    try:
        async with asyncio.timeout(SECONDS):
            return await reader.readexactly(size)
    except (OSError, EOFError, TimeoutError):
        raise StrangerError from None
