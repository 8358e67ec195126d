"""Real launches in processes of their own, on each backend that the machine has, with a home of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

from bottle.adapters.docker.connection import connect
from tests.support import bottles, boxes, forks, secret_rules, still_program
from tests.support.requirements import require

if TYPE_CHECKING:
    from tests.faults.workers import Report

# Another engine is begun and ended twice, and who does not answer is waited for: `make faults` has the time.
collect_ignore = [] if "BOTTLE_FAULTS" in os.environ else ["test_restarted_engine.py", "test_silent_box.py"]

BACKENDS = ("docker", "bubblewrap")
CLAIMED, MAKING, PROVING, RUNNING = "claimed", "making", "proving", "running"
_LINES = {
    "docker": {CLAIMED: "bottle: starting", MAKING: "bottle: making", PROVING: "bottle: starting, and proving"},
    "bubblewrap": {CLAIMED: "bottle: starting", MAKING: "bottle: making", PROVING: "bottle: proving"},
}
WAITING = ("--print", "--verbose", "--input-format", "stream-json", "--output-format", "stream-json")
"""An agent that reads its standard input, which here says nothing, for ever."""
ENOUGH = 90
BUILT = 540
"""Seconds in which a start that builds its images first is done, on a machine with much else to do."""


@frozen
class Host:
    """A home of its own, with one agent, on one backend of this machine."""

    home: Path
    backend: str
    began: float
    python: str = sys.executable
    before: Sequence[str] = ()
    """Words before each command, which make another user of it, say."""

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "BOT_BOTTLE_HOME": str(self.home),
            "BOT_BOTTLE_BACKEND": self.backend,
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "TMPDIR": str(self.elsewhere),
            "TOKEN_OF_THIS_TEST": "made-up-8c1f4e0d77",
        }

    def words(self, *arguments: str, first: str = "") -> Sequence[str]:
        """The whole command; `first`: what the interpreter does first."""
        return [self.python, "-u", "-c", f"{first}\nfrom bottle.cli.main import main; main()", *arguments]

    def launch(self, *arguments: str, before: Sequence[str] = (), first: str = "") -> "subprocess.Popen[str]":
        """`bottle` in a session of its own, as a shell starts it; talk is piped.

        `before`: words that run a command; `first`: what the interpreter does first.
        """
        return subprocess.Popen(
            [*self.before, *before, *self.words(*arguments, first=first)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def bottle(self, *arguments: str, timeout: float = ENOUGH) -> str:
        """Runs it to its end; its output."""
        if self.before or self.python != sys.executable or not forks.suits(self.environment):
            process = self.launch(*arguments)
            out, _ = process.communicate(timeout=timeout)
            status: int = process.returncode
        else:
            done = forks.run(arguments, env=self.environment, cwd=Path.cwd(), timeout=timeout)
            out, status = (done.stderr + done.stdout).decode(), done.returncode
        assert status == 0, out
        return out

    def made(self) -> list[str]:
        """All that this home's bottles consist of, outside of its state."""
        left = [*map(str, self.elsewhere.iterdir()), *boxes.mounted(self.home)]
        if self.backend == "docker":
            return [*left, *self.in_engine()]
        return [*left, *self.processes(), *self.directories()]

    @property
    def elsewhere(self) -> Path:
        """Where its commands put what is nobody's state."""
        return self.home.parent / "elsewhere"

    def processes(self) -> list[str]:
        """Those of this home's boxes without an engine."""
        return boxes.processes(self.home, self.began)

    def directories(self) -> list[str]:
        """Where the sockets of this home's boxes without an engine lie."""
        return boxes.directories(self.home)

    def states(self) -> Sequence[str]:
        state = self.home / "state"
        return sorted(path.name for path in state.iterdir()) if state.exists() else []

    def in_engine(self) -> list[str]:
        """What an engine has of this home's."""
        client = connect(os.environ, Path.home())
        try:
            mine = {"label": f"bot-bottle.owner={os.getuid()}:{self.home.resolve()}"}
            containers = client.containers(all=True, filters=mine)
            things = [*client.networks(filters=mine), *(client.volumes(filters=mine)["Volumes"] or ())]
            return [c["Names"][0] for c in containers] + [thing["Name"] for thing in things]
        finally:
            client.close()


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One that works here, with all that it needs, so that no start below waits for a build."""
    name: str = request.param
    require(name)
    host = make_host(tmp_path_factory.mktemp("images"), name)
    with bottles.building():
        host.bottle("start", "sleeper", "--yes", "--detach", timeout=BUILT)
    host.bottle("stop", "--all")
    return name


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard() -> None:
    """By all that is launched here: what runs in the background or under `nohup` was told to ignore some, and hands
    that on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def report() -> Iterator["Report"]:
    """Of all faults that this process struck with; written down in the end."""
    from tests.faults.workers import Report

    found = Report()
    yield found
    found.write()


@pytest.fixture
def host(tmp_path: Path, backend: str) -> Iterator[Host]:
    host = make_host(tmp_path, backend)
    yield host
    host.bottle("cleanup", "--yes")
    assert host.made() == []


@pytest.fixture
def boxed(tmp_path: Path) -> Iterator[Host]:
    """For what can only happen to bottles without an engine."""
    require("bubblewrap")
    host = make_host(tmp_path, "bubblewrap")
    yield host
    host.bottle("cleanup", "--yes")
    assert host.made() == []


def make_host(folder: Path, backend: str) -> Host:
    home = folder / "home"
    (folder / "elsewhere").mkdir()
    for name, text in {
        "bottles/quiet": "---\nagent_provider: {template: claude, auth_token: TOKEN_OF_THIS_TEST}\n---\n",
        "agents/sleeper": "---\nbottle: quiet\n---\n",
    }.items():
        path = home / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if backend == "bubblewrap":
        still_program.write(home / "bin" / "claude")
        secret_rules.lend(home)
    return Host(home, backend, time.clock_gettime(time.CLOCK_BOOTTIME))


def wait_for(process: "subprocess.Popen[str]", stage: str, host: Host) -> None:
    """Reads what the launcher says until the stage begins; RUNNING is when `bottle list` sees the bottle."""
    assert process.stdout is not None
    if stage == RUNNING:
        wait_for(process, PROVING, host)
        deadline = time.monotonic() + ENOUGH
        while "running" not in host.bottle("list"):
            assert time.monotonic() < deadline, "it never ran"
    elif stage:
        while not (line := process.stdout.readline()).startswith(_LINES[host.backend][stage]):
            assert line, f"it ended before '{stage}'"


def ended(process: "subprocess.Popen[str]") -> int:
    """Its exit status; its input stays open until then."""
    status = process.wait(ENOUGH)
    process.communicate()
    return status
