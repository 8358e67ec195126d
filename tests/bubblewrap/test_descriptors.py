"""What a launch hands down as open files: all of it is closed again, also where the system refuses the next."""

import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bottle.adapters.bubblewrap.descriptors import Descriptors

OPENERS: dict[str, Callable[[Descriptors, Path], object]] = {
    "content": lambda held, _: held.content("file", b"x" * 100_000),
    "pair": lambda held, _: held.pair(),
    "listener": lambda held, place: held.listener(str(place / "socket")),
    "directory": lambda held, place: held.directory(str(place)),
    "placeholder": lambda held, _: held.placeholder(),
}


def opened() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir() if path.exists() or path.is_symlink()}


def open_for_ever(kind: str) -> None:
    with Descriptors() as held:
        while True:
            OPENERS[kind](held, Path())
            Path("socket").unlink(missing_ok=True)


@pytest.mark.parametrize("kind", list(OPENERS))
def test_what_was_opened_is_closed_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    before = opened()
    with Descriptors() as held:
        OPENERS[kind](held, Path())
        assert held.all
        assert all(not os.get_inheritable(number) for number in held.all)
    assert opened() == before


@pytest.mark.parametrize("kind", list(OPENERS))
def test_what_the_system_refuses_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = opened()
    for spare in range(3):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.open(os.devnull, os.O_RDONLY)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + spare, limits[1]))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                open_for_ever(kind)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        Path("socket").unlink(missing_ok=True)
        assert opened() == before


def test_memory_that_cannot_be_had_is_an_error_and_never_half_a_file(tmp_path: Path) -> None:
    """Files in memory obey the limit of files' sizes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with Descriptors() as held, pytest.raises(OSError, match="File too large"):
            held.content("file", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_path_that_is_too_long_for_a_socket_is_an_error(tmp_path: Path) -> None:
    with Descriptors() as held, pytest.raises(OSError, match="too long"):
        held.listener(str(tmp_path / ("x" * 120)))


def test_content_is_whole_and_at_its_beginning() -> None:
    with Descriptors() as held:
        number = held.content("file", b"abc" * 100_000)
        assert os.read(number, 400_000) == b"abc" * 100_000


def test_a_listener_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Descriptors() as held, socket.socket(socket.AF_UNIX) as visitor:
        held.listener("socket")
        visitor.connect("socket")
