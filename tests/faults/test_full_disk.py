"""A disk for state that is really full: what cannot be kept is told in a line, nothing opens; with room all goes on."""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Sequence
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
{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask", "arguments": {"question": "May I?"}}}"""
ASK = f"""\
for turn in $(seq 50); do
    status=$(curl -s -m 10 -o /tmp/said -w '%{{http_code}}' http://origin.example/)
    [ "$status" = "$0" ] || break
done
echo "$status"; cat /tmp/said; echo
curl -s -m 10 -H 'Content-Type: application/json' -d '{QUESTION}' http://supervise:9100/
"""


@frozen
class Answers:
    """What an agent is told by an origin, and of what it asks its operator: whether that is an error, and the words."""

    status: str
    content: str
    asked: tuple[bool, str]


@frozen
class Disk:
    """A home whose state lies on a small disk of its own, which this test's commands alone see mounted."""

    host: Host
    state: Path
    """By which this process reaches it."""
    origin: Origin

    def fill(self, left: int = 0) -> None:
        """Until so many bytes are free."""
        with (self.state / ".full").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        with (self.state / ".full").open("r+b") as file:
            file.truncate(max(file.seek(0, 2) - left, 0))

    def free(self) -> None:
        (self.state / ".full").unlink(missing_ok=True)

    def ask(self, identity: str, *, while_it_is: str = "") -> "Answers":
        """The agent asks the origin, again as long as it is answered with that status; and then its operator."""
        said = self.host.bottle("exec", identity, "--", "sh", "-c", ASK, while_it_is)
        status, content, told = said.split("\n", 2)
        result = json.loads(told)["result"]
        return Answers(status, content, (result["isError"], result["content"][0]["text"]))

    def waiting(self) -> Sequence[str]:
        """What the operator sees of it."""
        return [told["why"] for told in json.loads(self.host.bottle("supervise", "list", "--json"))]

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
    host, state = furnished(tmp_path_factory.mktemp("disk"), "bubblewrap", origin)
    mount = f"mount -t tmpfs -o size={SIZE},mode=700 none {state} && echo mounted && read end"
    holder = subprocess.Popen(["unshare", "-m", "sh", "-c", mount], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"mounted\n"
    inside = Path(f"/proc/{holder.pid}/root{state}")
    made = Disk(evolve(host, before=("nsenter", "-t", str(holder.pid), "-m", "--")), inside, origin)
    yield made
    made.free()
    made.host.bottle("stop", "--all")
    made.host.bottle("cleanup", "--yes")
    holder.communicate(b"\n", timeout=ENOUGH)


@pytest.fixture
def disk_of_an_engine(tmp_path: Path) -> Iterator[Disk]:
    """One that an engine sees, so that it is mounted for all."""
    require("docker")
    require("mounts")
    with origin_for("docker") as origin:
        host, state = furnished(tmp_path, "docker", origin)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "none", state], check=True)
        made = Disk(host, state, origin)
        try:
            yield made
            made.free()
            host.bottle("cleanup", "--yes")
            assert (list(state.iterdir()), host.in_engine()) == ([], [])
        finally:
            subprocess.run(["umount", "--lazy", state], check=True)


@pytest.fixture(params=["disk", "disk_of_an_engine"], ids=["bubblewrap", "docker"])
def any_disk(request: pytest.FixtureRequest) -> Disk:
    """On docker the sidecar's programs write through the engine's mounts, each as a user of its own."""
    made: Disk = request.getfixturevalue(request.param)
    return made


def furnished(folder: Path, backend: str, origin: Origin) -> tuple[Host, Path]:
    """A home with agents that ask the origin and their operator, and where its state will be."""
    host = make_worker(folder, backend, origin.settings)
    (host.home / "bottles/asking.md").write_text("---\nextends: shell\nsupervise: true\n---\n")
    (host.home / "agents/asker.md").write_text("---\nbottle: asking\n---\n")
    state = host.home / "state"
    state.mkdir()
    return host, state


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


def test_what_cannot_be_written_down_does_not_leave_and_is_no_question(any_disk: Disk) -> None:
    """The agent reads why, and the operator is shown no part of what it asked; with room both are answered."""
    disk, origin = any_disk, any_disk.origin
    identity = disk.host.bottle("start", "asker", "--yes", "--detach").splitlines()[-1]
    disk.fill()
    told = disk.ask(identity, while_it_is="204")  # the last block of the trail may have room for some lines
    assert (told.status, json.loads(told.content)["rule"]) == ("503", "audit.unwritable")
    assert told.asked == (True, "the proposal could not be kept: the operator's disk may be full")
    assert list((disk.state / identity / "supervise" / "asked").iterdir()) == []
    assert disk.waiting() == []
    origin.paths.clear()
    assert disk.ask(identity).status == "503"
    assert origin.paths == []
    disk.free()
    told = disk.ask(identity)
    assert (told.status, told.asked[0]) == ("204", False)
    assert disk.waiting() == ["May I?"]
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
