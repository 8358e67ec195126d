"""The host's side of a box's first process, against the real one and against one that lies."""

import json
import os
import socket
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bottle.adapters.archive import Furniture, pack
from bottle.adapters.bubblewrap import commands
from bottle.adapters.bubblewrap.running import TerminalCommand
from bottle.domain.errors import BackendError, ProvisionError
from bottle.domain.provision import GuestDirectory, GuestFile, HostTree
from tests.support.init_box import ENVIRONMENT, Box, init_box


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with init_box(tmp_path_factory.mktemp("box")) as box:
        yield box


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# run.


def test_streams_and_status_come_back(box: Box) -> None:
    done = box.run("sh", "-c", "cat; echo err >&2; exit 7", stdin=b"in\0\xff")
    assert (done.status, done.stdout, done.stderr) == (7, b"in\0\xff", b"err\n")


def test_much_goes_both_ways(box: Box) -> None:
    content = os.urandom(10_000_000)
    assert box.run("cat", stdin=content).stdout == content


def test_input_that_nobody_reads_is_no_error(box: Box) -> None:
    assert box.run("true", stdin=bytes(1_000_000)).status == 0


def test_arguments_arrive_as_they_are(box: Box) -> None:
    words = ["", " ", "a\nb", "'\"$x\\", "ü", "\udcff", "-" * 100_000]
    done = commands.run(box.path, ["printf", "%s\\n", *words])
    assert done.stdout == b"".join(os.fsencode(word) + b"\n" for word in words)


def test_what_cannot_run_is_told_as_shells_do(box: Box) -> None:
    done = box.run("no-such-program")
    assert (done.status, done.stderr) == (127, b"no-such-program: No such file or directory\n")


def test_a_command_that_takes_too_long_is_ended(box: Box) -> None:
    with pytest.raises(BackendError, match=r"`sleep` did not end within 0\.5 seconds"):
        box.run("sleep", "7171", timeout=0.5)
    assert box.ended("sleep 7171")


def test_what_stays_in_the_background_does_not_hold_it(box: Box) -> None:
    done = box.run("sh", "-c", "sleep 7272 & echo on")
    assert (done.stdout, done.status) == (b"on\n", 0)
    box.run("pkill", "sleep")


def test_a_box_that_goes_away_is_told(tmp_path: Path) -> None:
    with init_box(tmp_path) as doomed:
        threading.Timer(0.5, os.kill, (doomed.pid, 9)).start()
        with pytest.raises(BackendError, match="the box went away"):
            doomed.run("sleep", "60")
        with pytest.raises(BackendError, match="the box went away"):
            doomed.run("true")


def test_nothing_stays_open(box: Box) -> None:
    before = _descriptors()
    for _ in range(5):
        box.run("true")
        with pytest.raises(BackendError):
            box.run("sleep", "9", timeout=0.01)
        commands.furnish(box.path, iter([bytes(1024)]))
    assert _descriptors() == before


# furnish and environment.


def test_furniture_is_unpacked_with_modes_times_and_links(box: Box, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"of the tree")
    (tmp_path / "file").chmod(0o4750)
    os.utime(tmp_path / "file", (1_000_000_000, 1_000_000_000))
    (tmp_path / "link").symlink_to("/nowhere")
    (tmp_path / "large").write_bytes(bytes(3_000_000))
    furniture = Furniture(
        directories=(GuestDirectory("/home/node/closed", mode=0o500),),
        trees=(HostTree(str(tmp_path), "/home/node/tree"),),
        files=(
            GuestFile("/home/node/.config/deep/er", b"content", mode=0o640),
            GuestFile("/home/node/closed/in", b"x"),
            GuestFile(f"/home/node/{'n' * 120}", b"long"),
        ),
    )
    commands.furnish(box.path, pack(furniture))
    assert box.sh("cd; cat .config/deep/er n* tree/file; readlink tree/link") == "contentlongof the tree/nowhere\n"
    assert (
        box.sh("cd; stat -c '%a %u' closed closed/in .config .config/deep/er tree/file | xargs")
        == "500 1000 600 1000 755 1000 640 1000 750 1000\n"
    )
    assert box.sh("cd; stat -c %Y tree/file; stat -c %s tree/large") == "1000000000\n3000000\n"


def test_furnishing_again_replaces_files_and_follows_nothing(box: Box) -> None:
    box.sh("cd; echo precious > precious; ln -s precious replaced")
    commands.furnish(box.path, pack(Furniture(files=(GuestFile("/home/node/replaced", b"new"),))))
    assert box.sh("cd; cat replaced precious") == "newprecious\n"


@pytest.mark.parametrize("path", ["/etc/passwd", "/home/other/file", "/home/node/../x", "/proc/self/comm", "/home"])
def test_what_is_not_the_agents_own_place_is_refused(box: Box, path: str) -> None:
    with pytest.raises(ProvisionError, match="the box could not be furnished: '"):
        commands.furnish(box.path, pack(Furniture(files=(GuestFile(path, b"x"),))))
    assert box.lives()


def test_a_link_on_the_way_is_refused(box: Box) -> None:
    box.sh("ln -s /home/node /tmp/around")
    with pytest.raises(ProvisionError, match="tmp/around/file: "):
        commands.furnish(box.path, pack(Furniture(files=(GuestFile("/tmp/around/file", b"x"),))))


def _entry(name: str, kind: bytes, linkname: str = "", mode: int = 0o644) -> bytes:
    header = tarfile.TarInfo(name)
    header.type, header.linkname, header.mode = kind, linkname, mode
    return header.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    "entries",
    [
        [_entry("/tmp/absolute", tarfile.REGTYPE)],
        [_entry("tmp/../etc/x", tarfile.REGTYPE)],
        [_entry("tmp/./x", tarfile.REGTYPE)],
        [_entry("tmp//x", tarfile.REGTYPE)],
        [_entry("tmp/device", tarfile.CHRTYPE)],
        [_entry("tmp/device", tarfile.BLKTYPE)],
        [_entry("tmp/pipe", tarfile.FIFOTYPE)],
        [_entry("tmp/out", tarfile.SYMTYPE, "/etc"), _entry("tmp/out/x", tarfile.REGTYPE)],
        [_entry("tmp/out2", tarfile.SYMTYPE, "/home/node"), _entry("tmp/out2", tarfile.DIRTYPE)],
        [_entry("tmp/hard", tarfile.LNKTYPE, "etc/passwd")],
        [_entry("tmp/hard", tarfile.LNKTYPE, "tmp/../etc/passwd")],
        [_entry("tmp/folder", tarfile.DIRTYPE), _entry("tmp/folder", tarfile.REGTYPE)],
    ],
)
def test_what_no_archive_of_ours_holds_is_refused(box: Box, entries: list[bytes]) -> None:
    with pytest.raises(ProvisionError, match="the box could not be furnished"):
        commands.furnish(box.path, iter([*entries, bytes(1024)]))
    assert box.run("rm", "-rf", "/tmp/folder", "/tmp/out", "/tmp/out2").status == 0


def test_hard_links_are_kept_and_special_bits_are_not(box: Box) -> None:
    entries = [_entry("tmp/one", tarfile.REGTYPE, mode=0o7755), _entry("tmp/two", tarfile.LNKTYPE, "tmp/one")]
    commands.furnish(box.path, iter([*entries, bytes(1024)]))
    assert box.sh("stat -c '%a %h' /tmp/two") == "755 2\n"


def test_a_broken_archive_is_told(box: Box) -> None:
    with pytest.raises(ProvisionError, match="the archive is damaged"):
        commands.furnish(box.path, iter([b"no archive" * 1000]))


def test_a_large_archive_that_is_refused_early_does_not_block(box: Box) -> None:
    files = tuple(GuestFile(f"/etc/{number}", bytes(1_000_000)) for number in range(20))
    with pytest.raises(ProvisionError):
        commands.furnish(box.path, pack(Furniture(files=files)))


def test_an_archive_that_fails_on_this_side_leaves_nothing_running(box: Box) -> None:
    def failing() -> Iterator[bytes]:
        yield from pack(Furniture(files=(GuestFile("/tmp/first", b"x"),)))
        raise ProvisionError("unreadable")

    with pytest.raises(ProvisionError, match="unreadable"):
        commands.furnish(box.path, failing())
    assert box.lives()


def test_the_environment_is_that_of_every_later_command(box: Box) -> None:
    commands.set_environment(box.path, {**ENVIRONMENT, "TOKEN": "a\n'b\""})
    try:
        assert box.sh('printf %s "$TOKEN"') == "a\n'b\""
    finally:
        commands.set_environment(box.path, ENVIRONMENT)


def test_an_environment_that_no_program_can_have_is_refused_without_its_value(box: Box) -> None:
    with pytest.raises(BackendError, match="did not take its environment") as caught:
        commands.set_environment(box.path, {"A": "hunter2\0"})
    assert "hunter2" not in str(caught.value)


# A box that lies.


class _Liar:
    """Answers one connection however a test wants, in place of the first process."""

    def __init__(self, path: Path, answer: Callable[[socket.socket], None]) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._answer = answer
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        link, _ = self._listener.accept()
        with link:
            _, given, _, _ = socket.recv_fds(link, 65536, 9)
            try:
                self._answer(link)
            except OSError:
                pass
            for descriptor in given:
                os.close(descriptor)


def _say(link: socket.socket, *messages: object) -> None:
    for message in messages:
        content = message if isinstance(message, bytes) else json.dumps(message).encode()
        link.sendall(struct.pack(">I", len(content)) + content)


LIES: list[Callable[[socket.socket], None]] = [
    lambda link: _say(link, b"{"),
    lambda link: _say(link, b"[" * 60_000),
    lambda link: _say(link, []),
    lambda link: _say(link, {"ok": True}),
    lambda link: link.sendall(b"\xff\xff\xff\xff" + b"x" * 1_000_000),
    lambda link: link.sendall(b"\0\0"),
    lambda link: None,
    lambda link: _say(link, {"started": 2}),
    lambda link: _say(link, {"started": 2}, {"status": "0"}),
    lambda link: _say(link, {"started": 2}, {"status": 256}),
    lambda link: _say(link, {"started": 2}, {"status": -1}),
    lambda link: _say(link, {"started": 2}, {"status": True}),
    lambda link: _say(link, {"started": 2}, {"status": 10**400}),
    lambda link: _say(link, {"started": 2}, b"nonsense"),
    lambda link: _say(link, {"error": {"a": "\x1b[2J"}}),
]


@pytest.mark.parametrize("lie", LIES)
def test_whatever_a_box_answers_is_an_error_at_worst(tmp_path: Path, lie: Callable[[socket.socket], None]) -> None:
    before = _descriptors()
    liar = _Liar(tmp_path / "box", lie)
    with pytest.raises(BackendError):
        commands.run(tmp_path / "box", ["true"], timeout=3)
    liar.close()
    assert _descriptors() == before


def test_what_the_box_says_is_fit_for_a_terminal(tmp_path: Path) -> None:
    liar = _Liar(tmp_path / "box", lambda link: _say(link, {"error": "\x1b[2J\u202e" + "x" * 10_000}))
    with pytest.raises(BackendError) as caught:
        commands.run(tmp_path / "box", ["true"])
    liar.close()
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_terminal_that_is_none_is_refused(tmp_path: Path, count: int) -> None:
    """A file, the wrong number of descriptors, or (one) the programs' end of a terminal."""
    before = _descriptors()
    master, slave = os.openpty()
    content = json.dumps({"started": 2}).encode()

    def lie(link: socket.socket) -> None:
        socket.send_fds(link, [struct.pack(">I", len(content)) + content], [slave] * count)

    liar = _Liar(tmp_path / "box", lie)
    with pytest.raises(BackendError, match="makes no sense"):
        TerminalCommand(tmp_path / "box", ["true"], "/", {})
    liar.close()
    os.close(master)
    os.close(slave)
    assert _descriptors() == before


def test_descriptors_that_nobody_asked_for_are_not_taken(tmp_path: Path) -> None:
    before = _descriptors()

    def lie(link: socket.socket) -> None:
        _say(link, {"started": 2})
        content = json.dumps({"status": 0}).encode()
        socket.send_fds(link, [struct.pack(">I", len(content)) + content], [0, 0, 0])

    liar = _Liar(tmp_path / "box", lie)
    assert commands.run(tmp_path / "box", ["true"]).status == 0
    liar.close()
    assert _descriptors() == before


def test_a_box_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bottle.adapters.bubblewrap.running.ANSWER_SECONDS", 0.5)
    done = threading.Event()

    def keep_silent(_link: socket.socket) -> None:
        done.wait(60)

    liar = _Liar(tmp_path / "box", keep_silent)
    with pytest.raises(BackendError, match="did not answer in time"):
        commands.run(tmp_path / "box", ["true"])
    done.set()
    liar.close()


def test_no_box_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="the box went away"):
        commands.run(tmp_path / "box", ["true"])
