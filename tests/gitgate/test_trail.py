"""The gate's trail in several files, written by the code that keeps the way out's."""

import json
import os
from contextlib import nullcontext
from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.state.segments import Segments
from sidecars.evidence.files import AuditError
from sidecars.gitgate import limits
from sidecars.gitgate.trail import Line, Trail


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AUDIT_FILE", 2000)


def note(trail: Trail, path: str) -> None:
    trail.write(Line("push", "git.example.com", path, allowed=True, rule="git.push"))


def fill(trail: Trail) -> None:
    """More than fits into one file."""
    for number in range(30):
        note(trail, f"/{number}")


def told(directory: Path) -> list[str]:
    """The paths of all lines, as the host program reads them."""
    return [json.loads(line)["path"] for _, line in Segments(directory, "git").lines(last=True)]


def test_full_files_get_numbers_and_all_lines_stay(tmp_path: Path) -> None:
    fill(Trail(tmp_path, "demo-abcde"))
    assert told(tmp_path) == [f"/{number}" for number in range(30)]
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert "git-000002.jsonl" in sizes
    assert max(sizes.values()) <= 2000


def test_a_trail_that_is_full_in_all_takes_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be told is not let out, and a box cannot fill its host's disk."""
    monkeypatch.setattr(limits, "AUDIT_TOTAL", 3000)
    with pytest.raises(AuditError, match="full"):
        fill(Trail(tmp_path, "demo-abcde"))
    paths = told(tmp_path)
    assert 10 < len(paths) < 30
    assert paths == [f"/{number}" for number in range(len(paths))]


def test_what_one_line_cannot_name_is_not_let_out(tmp_path: Path) -> None:
    """A push of so many refs that whoever reads the trail would see a line that was cut, and no push."""
    trail = Trail(tmp_path, "demo-abcde")
    line = Line("push", "git.example.com", "/widgets", allowed=True, rule="git.push")
    for count, is_told in ((600, True), (700, False)):
        refs = tuple(f"refs/heads/{number:0189}" for number in range(count))
        with nullcontext() if is_told else pytest.raises(AuditError, match="push fewer"):
            trail.write(evolve(line, refs=refs))
    (only,) = (json.loads(text) for _, text in Segments(tmp_path, "git").lines(last=True))
    assert len(only["refs"]) == 600


def test_a_line_that_a_full_disk_cut_does_not_swallow_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trail, write = Trail(tmp_path, "demo-abcde"), os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: write(file, data[:20]))
        with pytest.raises(AuditError, match="disk"):
            note(trail, "/cut")
    note(trail, "/whole")
    cut, whole = (tmp_path / "git.jsonl").read_text().splitlines()
    assert len(cut) == 20
    assert json.loads(whole)["path"] == "/whole"


def test_the_trail_follows_no_link(tmp_path: Path) -> None:
    """Whoever else writes into the directory does not choose the file."""
    (tmp_path / "git.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        Trail(tmp_path, "demo-abcde")
