"""What comes from one connection goes to another, both ways."""

import asyncio
import resource

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_CHUNK = 65536
_FILES = 10240  # what a Mac lets a process have


async def carry(one: Ends, other: Ends) -> None:
    """Both directions to their ends. A connection that breaks on one side is broken on the other."""
    done = await asyncio.gather(_pour(one[0], other[1]), _pour(other[0], one[1]), return_exceptions=True)
    for _, writer in (one, other):
        if any(isinstance(failure, OSError) for failure in done):
            writer.transport.abort()
        writer.close()


def make_room() -> None:
    """Each connection that is carried takes two open files, and the usual limits are meant for programs with few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the end, which is passed on. What is not taken is not read: nothing piles up. Raises OSError."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.transport.abort()
        raise
