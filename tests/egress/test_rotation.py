"""The trail in several files: no line is lost or doubled, whatever goes wrong while one file follows another."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bottle.adapters.state.segments import Segments
from sidecars.egress import limits
from sidecars.egress.audit import Trail
from sidecars.evidence.files import AuditError, Full, Lines
from tests.egress.conftest import MakeOrigin, MakeSidecar
from tests.egress.harness import Response, route, tunnel

HOST = "api.example.com"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AUDIT_FILE", 2000)


def note(trail: Trail, name: str) -> None:
    trail.open(trail.entry("http", "GET", name, 443, "/"))


def fill(trail: Trail) -> None:
    """More than fits."""
    for number in range(40):
        note(trail, f"h{number}.example")


def hosts(directory: Path) -> list[str]:
    """The hosts of all lines, as the host program reads them."""
    return [json.loads(line)["host"] for _, line in Segments(directory).lines(last=True)]


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_full_files_get_numbers_and_all_lines_stay(tmp_path: Path) -> None:
    fill(Trail(str(tmp_path), "demo-abcde"))
    assert hosts(tmp_path) == [f"h{number}.example" for number in range(40)]
    assert len(names(tmp_path)) > 4
    assert all((tmp_path / name).stat().st_size <= 2000 for name in names(tmp_path))


def test_numbers_go_on_where_an_earlier_run_stopped(tmp_path: Path) -> None:
    for turn in range(3):
        trail = Trail(str(tmp_path), "demo-abcde")
        for number in range(10):
            note(trail, f"h{turn}-{number}.example")
    assert hosts(tmp_path) == [f"h{turn}-{number}.example" for turn in range(3) for number in range(10)]


@pytest.mark.parametrize("step", ["rename", "open"])
def test_where_no_file_follows_nothing_is_let_out_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    trail = Trail(str(tmp_path), "demo-abcde")
    written = []
    for number in range(30):
        name = f"h{number}.example"
        with monkeypatch.context() as patch:
            if number % 3:
                patch.setattr(*((Path, "rename", _fails) if step == "rename" else (os, "open", _fails)))
            try:
                note(trail, name)
                written.append(name)
            except AuditError:
                pass
    assert hosts(tmp_path) == written
    assert 10 <= len(written) < 30


def _fails(*_: object) -> None:
    raise OSError(28, os.strerror(28))


def test_all_files_together_have_a_bound_and_who_takes_them_away_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "AUDIT_TOTAL", 5000)
    trail = Trail(str(tmp_path), "demo-abcde")
    with pytest.raises(AuditError, match="full"):
        fill(trail)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5000
    (tmp_path / "audit-000001.jsonl").unlink()
    note(trail, "later.example")
    assert hosts(tmp_path)[-1] == "later.example"


def test_a_number_is_never_given_twice(tmp_path: Path) -> None:
    files = Full(tmp_path, "audit", 1000)
    for number in range(1, 4):
        (tmp_path / "audit.jsonl").write_text(str(number))
        os.close(files.succeed())
        (tmp_path / "audit.jsonl").unlink()
        (tmp_path / f"audit-{number:06d}.jsonl").unlink()
    (tmp_path / "audit.jsonl").touch()
    os.close(files.succeed())
    assert names(tmp_path) == ["audit-000004.jsonl", "audit.jsonl"]


def test_who_removes_the_file_that_grows_loses_what_was_in_it_and_no_later_line(tmp_path: Path) -> None:
    trail = Lines(tmp_path, "audit", most=1000, total=10_000)
    trail.append(["first\n"])
    (tmp_path / "audit.jsonl").unlink()
    trail.append(["second\n"])
    trail.append(["third\n"])
    assert (tmp_path / "audit.jsonl").read_text() == "second\nthird\n"


def test_where_the_directory_was_removed_nothing_is_let_out(tmp_path: Path) -> None:
    directory = tmp_path / "audit"
    directory.mkdir()
    trail = Lines(directory, "audit", most=1000, total=10_000)
    (directory / "audit.jsonl").unlink()
    directory.rmdir()
    with pytest.raises(AuditError, match="No such file"):
        trail.append(["nowhere\n"])


def test_a_reader_that_follows_sees_each_request_once(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    """Through the running sidecar, while it rotates."""
    sidecar = make_sidecar([route(HOST, make_origin(HOST))], limits={"AUDIT_FILE": 3000})
    source = Segments(sidecar.directory)
    connection = tunnel(sidecar, f"{HOST}:443")
    seen: list[str] = []
    for number in range(60):
        connection.sendall(f"GET /{number} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert Response(connection).status == 200
        if number % 7 == 0:
            seen += _opened(source)
    seen += _opened(source)
    assert seen == [f"/{number}" for number in range(60)]
    assert len(names(sidecar.directory)) > 5


def _opened(source: Segments) -> Iterator[str]:
    lines = [json.loads(line) for _, line in source.lines(last=False)]
    return (line["path"] for line in lines if line["kind"] == "opened")
