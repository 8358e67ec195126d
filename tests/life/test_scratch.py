"""Where an export works: its folder goes with it, with the next one where it was killed, and else with the state."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bottle.adapters.state.scratch import scratch
from bottle.adapters.state.store import StateFiles
from bottle.domain.errors import ConflictError
from tests.support.kept import DEMO

WORKER = """
import sys
from pathlib import Path
from bottle.adapters.state.scratch import scratch

with scratch(Path(sys.argv[1])) as folder:
    (folder / "work.git").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """That of a bottle that has ended."""
    StateFiles(tmp_path / "state").claim(DEMO)
    return tmp_path / "state" / DEMO.identity


@contextmanager
def working(state: Path) -> Iterator[tuple[Path, "subprocess.Popen[str]"]]:
    """A command under way, and its folder; it is killed at the end of the block."""
    argv = [sys.executable, "-c", WORKER, str(state)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        try:
            yield folder, process
        finally:
            process.kill()


def test_one_that_was_killed_is_made_good_by_the_next_which_harms_nobody_who_works(state: Path) -> None:
    with working(state) as (killed, _):
        pass
    assert (killed / "work.git").is_dir()
    with working(state) as (other, _):
        with scratch(state) as mine:
            assert {path.name for path in state.glob("scratch-*")} == {other.name, mine.name}
        assert (other / "work.git").is_dir()


def test_state_is_not_removed_from_under_an_export_and_goes_with_what_a_killed_one_left(state: Path) -> None:
    store = StateFiles(state.parent)
    with working(state), pytest.raises(ConflictError, match="is being exported"):
        store.release(DEMO.identity)
    store.release(DEMO.identity)
    assert not state.exists()


def test_nobody_works_behind_a_link(state: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (state / "snapshot").symlink_to(tmp_path / "outside")
    with pytest.raises(ConflictError, match="is no directory"), scratch(state / "snapshot"):
        pass
    assert list((tmp_path / "outside").iterdir()) == []
