"""What comes from one connection goes to another, both ways."""

import asyncio
import os
import resource
from typing import Any

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_CHUNK = 65536
_FILES = 10240  # what a Mac lets a process have
_STDERR = 2
_under_way: set["asyncio.Task[Any] | None"] = set()  # the loop itself holds a task no longer than its connection


async def carry(one: Ends, other: Ends) -> None:
    """Both directions to their ends. A connection that breaks on one side is broken on the other."""
    task = asyncio.current_task()
    _under_way.add(task)
    done = await asyncio.gather(_pour(one[0], other[1]), _pour(other[0], one[1]), return_exceptions=True)
    _under_way.discard(task)
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


def keep_quiet() -> None:
    """Whatever goes wrong with a connection is told nobody: who does not read would hold up all others."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, _STDERR)
    os.close(nothing)


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
