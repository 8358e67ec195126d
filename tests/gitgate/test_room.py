"""Where the gate's repositories lie: bounded, said when it is full, and rid of what was broken off."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gitgate.conftest import World
from tests.support.git_client import Git
from tests.support.requirements import require
from tests.support.sshd import Sshd


@pytest.fixture
def narrow(tmp_path: Path, server: Sshd) -> Iterator[World]:
    """A world whose gates have 300 MiB for their state."""
    require("mounts")
    place = tmp_path / "place"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(place)], check=True)
    there = World(place, server)
    try:
        yield there
    finally:
        there.stop()
        subprocess.run(["umount", str(place)], check=True)


def test_no_room_is_said_and_nothing_is_half_done(narrow: World) -> None:
    """Neither an unreachable upstream nor a strange error of git's: the sender reads what is amiss."""
    narrow.start()
    work = narrow.clone()
    filler = narrow.folder / "filler"
    filler.write_bytes(bytes(60 << 20))
    work.commit({"a": "1\n"})
    outcome = work.attempt("push", "origin", "main")
    assert "git gate: there is no room left for its repositories" in outcome.said
    assert "cannot be reached" not in outcome.said
    filler.unlink()
    work("push", "--quiet", "origin", "main")
    assert narrow.tip() == work("rev-parse", "HEAD")


def test_what_was_broken_off_is_removed(gate: World) -> None:
    """A push whose git was killed leaves its quarantine; the next one finds the room again."""
    work = gate.clone()
    (objects,) = gate.folder.glob("state-*/repositories/0.git/objects")
    left = objects / "tmp_objdir-incoming-abc"
    left.mkdir()
    (left / "pack").write_bytes(b"x")
    (objects / "pack" / "tmp_pack_abc").write_bytes(b"x")
    work.commit({"a": "1\n"})
    work("push", "--quiet", "origin", "main")
    assert not left.exists()
    assert not list(objects.glob("pack/tmp_*"))
    assert Git.at(gate.upstream)("rev-parse", "main") == work("rev-parse", "HEAD")
