"""The trail, written by somebody who means harm."""

import json
import os
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.adapters.state import StateFiles
from bottle.adapters.state.segments import Segments
from bottle.adapters.state.store import END_BYTES
from bottle.adapters.state.tail import LONGEST_LINE
from bottle.domain.errors import ConflictError
from bottle.domain.state import Event
from tests.support.kept import DEMO


def lines(store: StateFiles) -> list[str]:
    return list(store.audit_lines(DEMO.identity))


@pytest.mark.parametrize("kind", ["link", "dangling", "directory", "fifo", "device"])
def test_a_trail_that_is_no_file_is_not_read(store: StateFiles, audit: Path, tmp_path: Path, kind: str) -> None:
    path = audit / "audit.jsonl"
    (tmp_path / "secret").write_text("host secret\n")
    if kind == "link":
        path.symlink_to(tmp_path / "secret")
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nothing")
    elif kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif os.geteuid() == 0:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    else:
        pytest.skip("only root makes devices")
    with pytest.raises(ConflictError, match="no regular file") as caught:
        lines(store)
    assert "trust nothing" in str(caught.value.hint)


def test_a_huge_line_is_cut_and_the_next_one_is_whole(store: StateFiles, audit: Path) -> None:
    (audit / "audit.jsonl").write_bytes(b"a" * (LONGEST_LINE * 3) + b"\n" + b"next\n" + b"b" * LONGEST_LINE + b"\n")
    found = lines(store)
    assert found == ["a" * LONGEST_LINE + "…", "next", "b" * LONGEST_LINE]


def test_who_looks_at_the_end_of_a_long_trail_reads_no_more_than_that(store: StateFiles, audit: Path) -> None:
    (audit / "audit-000001.jsonl").write_text("full\n")
    (audit / "audit.jsonl").write_text("".join(f"{number:07}\n" for number in range(END_BYTES // 4)))
    end = store.audit_end(DEMO.identity)
    found = end.added()
    assert len(found) == END_BYTES // 8 - 1, "the line that the end begins in is not whole"
    assert found[-1] == f"{END_BYTES // 4 - 1:07}"
    (audit / "audit.jsonl").rename(audit / "audit-000002.jsonl")
    (audit / "audit.jsonl").write_text("after\n")
    assert end.added() == ["after"]
    end.close()


def test_lines_are_safe_to_print(store: StateFiles, audit: Path) -> None:
    (audit / "audit.jsonl").write_bytes(b"\x1b]0;gone\x07\xff\xfe\r\x9b31m\xc2\x9b\xe2\x80\xa8\x00 fine\n\n\nlast")
    found = lines(store)
    assert found[1:] == ["last"]
    assert re.fullmatch(r"[\ufffd\]0;gonefi31m ]+", found[0])


@pytest.mark.parametrize(
    "line", ["{}", "[]", "7", '"x"', "null", '{"time": 5}', '{"time": "soon"}', "[" * 9999, "9" * 9999, "{", "nonsense"]
)
def test_a_line_without_a_time_keeps_its_place(store: StateFiles, audit: Path, line: str) -> None:
    first, last = '{"time": "2026-01-01T00:00:01Z"}', '{"time": "2026-01-01T00:00:03Z"}'
    (audit / "audit.jsonl").write_text(f"{first}\n{line}\n{last}\n")
    store.record(Event(datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC), DEMO.identity, "host", ""))
    found = lines(store)
    assert (found[0], found[1], found[3]) == (first, line, last)


def test_times_may_be_naive_early_late_or_go_back(store: StateFiles, audit: Path) -> None:
    times = ["0001-01-01T00:00:00+23:59", "2026-01-01", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00Z"]
    written = [json.dumps({"time": moment}) for moment in times]
    (audit / "audit.jsonl").write_text("\n".join(written))
    assert lines(store) == written


def rotate(path: Path) -> None:
    path.rename(path.with_suffix(".jsonl.1"))


@pytest.mark.parametrize("change", [rotate, Path.unlink, lambda path: os.truncate(path, 0)])
def test_following_goes_on_when_the_file_is_replaced(
    store: StateFiles, audit: Path, change: Callable[[Path], object]
) -> None:
    path = audit / "audit.jsonl"
    path.write_text("first line\nsecond line\n")
    found = iter(store.audit_lines(DEMO.identity, follow=True))
    assert [next(found), next(found)] == ["first line", "second line"]
    change(path)
    with path.open("a") as file:
        file.write("new\n")
    assert next(found) == "new"
    store.release(DEMO.identity)
    assert list(found) == []


class Writer:
    """Writes numbered lines and numbers full files, as the sidecar does it."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.written, self.full = directory, 0, 0

    def write(self, count: int) -> None:
        with (self.directory / "audit.jsonl").open("a") as file:
            for _ in range(count):
                file.write(f"line {self.written}\n")
                self.written += 1

    def rotate(self) -> None:
        path = self.directory / "audit.jsonl"
        if path.exists():
            self.full += 1
            path.rename(self.directory / f"audit-{self.full:06d}.jsonl")


@given(steps=st.lists(st.sampled_from(["write", "rotate", "read"]), max_size=30))
def test_no_line_is_missed_or_shown_twice_whenever_files_are_numbered(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    writer = Writer(tmp_path_factory.mktemp("audit"))
    source = Segments(writer.directory)
    seen: list[str] = []
    for step in [*steps, "read"]:
        if step == "write":
            writer.write(2)
        elif step == "rotate":
            writer.rotate()
        else:
            seen += [line for _, line in source.lines(last=False)]
    assert seen == [f"line {number}" for number in range(writer.written)]
    source.close()


def test_a_file_that_is_numbered_while_it_is_read_is_read_once(audit: Path) -> None:
    writer = Writer(audit)
    source = Segments(audit)
    writer.write(2)
    reading = source.lines(last=False)
    seen = [next(reading)[1]]
    writer.rotate()
    writer.write(1)
    writer.rotate()
    writer.write(1)
    seen += [line for _, line in reading]
    seen += [line for _, line in source.lines(last=True)]
    assert seen == [f"line {number}" for number in range(4)]
    source.close()


def test_a_numbered_file_that_is_a_link_is_not_read(store: StateFiles, audit: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("host secret\n")
    (audit / "audit-000001.jsonl").symlink_to(tmp_path / "secret")
    with pytest.raises(ConflictError, match="no regular file"):
        lines(store)


def test_following_waits_for_the_end_of_a_line(store: StateFiles, audit: Path) -> None:
    path = audit / "audit.jsonl"
    path.write_text("one\nha")
    found = iter(store.audit_lines(DEMO.identity, follow=True))
    assert next(found) == "one"
    with path.open("a") as file:
        file.write("lf\n")
    assert next(found) == "half"
