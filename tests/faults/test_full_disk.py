"""A disk for state that is really full: what cannot be kept is told in a line, nothing opens; with room all goes on."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve, frozen

from tests.faults.conftest import ENOUGH, Host
from tests.faults.origins import Origin, origin_for
from tests.faults.workers import NOTE, make_worker, notes
from tests.support.requirements import require

SIZE = "6m"
LONG = "head -c 3000000 /dev/zero > ~/.sessions/long"
QUESTION = """\
curl -sS -m 10 -H 'Content-Type: application/json' -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/call",
"params": {"name": "ask", "arguments": {"question": "May I go on?"}}}' http://supervise:9100/
"""
ASK = "curl -s -m 10 -o /tmp/said -w '%{http_code}\\n' http://origin.example/; cat /tmp/said"


@frozen
class Disk:
    """A home whose state lies on a small disk of its own, which this test's commands alone see mounted."""

    host: Host
    state: Path
    """By which this process reaches it."""

    def fill(self, left: int = 0) -> None:
        """Until so many bytes are free."""
        with (self.state / ".full").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        with (self.state / ".full").open("r+b") as file:
            file.truncate(max(file.seek(0, 2) - left, 0))

    def free(self) -> None:
        (self.state / ".full").unlink(missing_ok=True)

    def fails(self, *arguments: str) -> str:
        """The one error that a command ends with."""
        process = self.host.launch(*arguments)
        said, _ = process.communicate(timeout=ENOUGH)
        assert process.returncode in {1, 101}, said
        assert "unforeseen" not in said
        [error, *_] = [line for line in said.splitlines() if line.startswith("bottle: error: ")]
        return error.removeprefix("bottle: error: ")


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with origin_for("bubblewrap") as made:
        yield made


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory, origin: Origin) -> Iterator[Disk]:
    require("bubblewrap")
    require("mounts")
    require("nsenter")
    host = make_worker(tmp_path_factory.mktemp("disk"), "bubblewrap", origin.settings)
    (host.home / "bottles/asking.md").write_text("---\nextends: shell\nsupervise: true\n---\n")
    (host.home / "agents/asker.md").write_text("---\nbottle: asking\n---\n")
    state = host.home / "state"
    state.mkdir()
    mount = f"mount -t tmpfs -o size={SIZE},mode=700 none {state} && echo mounted && read end"
    holder = subprocess.Popen(["unshare", "-m", "sh", "-c", mount], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"mounted\n"
    inside = Path(f"/proc/{holder.pid}/root{state}")
    made = Disk(evolve(host, before=("nsenter", "-t", str(holder.pid), "-m", "--")), inside)
    yield made
    made.free()
    made.host.bottle("stop", "--all")
    made.host.bottle("cleanup", "--yes")
    holder.communicate(b"\n", timeout=ENOUGH)


@pytest.fixture(autouse=True)
def _room(disk: Disk) -> Iterator[None]:
    """Each test begins and ends with room, and with nothing left of any bottle."""
    yield
    disk.free()
    disk.host.bottle("cleanup", "--yes")
    assert (disk.host.made(), list(disk.state.iterdir())) == ([], [])


@pytest.mark.parametrize("left", [0, 4096])
def test_no_bottle_goes_on_that_could_not_be_remembered(disk: Disk, left: int) -> None:
    """Refused at once, or ended as soon as a line about it had no room."""
    disk.fill(left)
    assert "no space left on device" in disk.fails("run", "worker", "true").lower()
    assert disk.host.made() == []
    assert "running" not in disk.host.bottle("list", "--all")


def test_what_cannot_be_written_down_does_not_leave(disk: Disk, origin: Origin) -> None:
    """The agent reads why; once there is room it is answered as before."""
    identity = disk.host.bottle("start", "worker", "--yes", "--detach").splitlines()[-1]

    def ask() -> list[str]:
        return disk.host.bottle("exec", identity, "--", "sh", "-c", ASK).split("\n", 1)

    assert ask()[0] == "204"
    disk.fill()
    while (answer := ask())[0] == "204":  # the last block of the trail has room for some lines
        assert len(origin.paths) < 50, "the disk never was full"
    origin.paths.clear()
    assert answer[0] == ask()[0] == "503"
    assert json.loads(answer[1])["rule"] == "audit.unwritable"
    assert origin.paths == []
    disk.free()
    assert ask()[0] == "204"
    disk.host.bottle("stop", identity)


def test_a_session_that_has_no_room_is_told_and_the_earlier_one_stays(disk: Disk) -> None:
    said = disk.host.bottle("run", "worker", NOTE, "--json")
    identity = json.loads(said[said.index("{") :])["identity"]
    disk.fill(left=1_000_000)
    said = disk.host.bottle("run", "worker", f"{NOTE}; {LONG}", "--resume", identity)
    assert "bottle: the transcript could not be kept: cannot keep the transcript" in said
    assert "no space left on device" in said.lower()
    assert [path.name for path in (disk.state / identity / "snapshot").iterdir()] == ["transcript.tar"]
    disk.free()
    assert notes(disk.host, identity) == ["noted"]


def test_a_bottle_ends_though_nobody_can_note_it(disk: Disk) -> None:
    """Its box goes; the note that it ended is made good by whoever comes next."""
    identity = disk.host.bottle("start", "worker", "--yes", "--detach").splitlines()[-1]
    disk.host.bottle("exec", identity, "--", "sh", "-c", NOTE)
    disk.fill()
    assert disk.fails("stop", identity).startswith(f"cannot write the metadata of {identity}")
    assert disk.host.made() == []
    assert "lost" in disk.host.bottle("list", "--all")
    disk.free()
    disk.host.bottle("cleanup", identity, "--yes")


def test_work_that_has_no_room_is_not_brought_home_by_half(disk: Disk, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    subprocess.run(["git", "init", "-q", tree], check=True)
    (tree / "code").write_text("one\n")
    there = evolve(disk, host=evolve(disk.host, before=(*disk.host.before, "env", "-C", str(tree))))
    begin = ("start", "worker", "--yes", "--detach", "--cwd", "--keep-workspace")
    identity = there.host.bottle(*begin).splitlines()[-1]
    there.host.bottle("exec", identity, "--", "sh", "-c", "head -c 3000000 /dev/zero > ~/workspace/big")
    disk.fill(left=1_000_000)
    patch = tmp_path / "work.patch"
    said = there.fails("export", identity, "--patch", str(patch), "--yes")
    assert said.startswith(f"cannot keep the workspace of {identity}: no space left on device")
    assert not patch.exists()
    disk.free()
    there.host.bottle("export", identity, "--patch", str(patch), "--yes")
    assert patch.stat().st_size
    there.host.bottle("stop", identity)


def test_a_question_that_has_no_room_is_answered_as_such_and_can_be_asked_again(disk: Disk) -> None:
    """Neither a part of it nor anything else is shown to the operator."""
    identity = disk.host.bottle("start", "asker", "--yes", "--detach").splitlines()[-1]
    asked = disk.state / identity / "supervise" / "asked"

    def ask() -> tuple[bool, str]:
        said = json.loads(disk.host.bottle("exec", identity, "--", "sh", "-c", QUESTION))["result"]
        return said["isError"], said["content"][0]["text"]

    def waiting() -> list[str]:
        return [told["why"] for told in json.loads(disk.host.bottle("supervise", "list", "--json"))]

    disk.fill()
    assert ask() == (True, "the proposal could not be kept: the operator's disk may be full")
    assert list(asked.iterdir()) == []
    assert waiting() == []
    disk.free()
    assert ask()[0] is False
    assert waiting() == ["May I go on?"]
    disk.host.bottle("stop", identity)
