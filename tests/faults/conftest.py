"""Real launches in processes of their own, on the engine at hand, with a home of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from attrs import frozen

from bottle.adapters.docker.connection import connect
from tests.support.requirements import require

CLAIMED, MAKING, PROVING, RUNNING = "bottle: starting", "bottle: making", "bottle: starting, and proving", "RUNNING"
WAITING = ("--print", "--verbose", "--input-format", "stream-json", "--output-format", "stream-json")
"""An agent that reads its standard input, which here says nothing, for ever."""
ENOUGH = 90


@frozen
class Host:
    """A home of its own, with one agent, on the engine at hand."""

    home: Path

    def launch(self, *arguments: str) -> "subprocess.Popen[str]":
        """`bottle` in a session of its own, as a shell starts it; talk is piped."""
        return subprocess.Popen(
            [sys.executable, "-u", "-c", "from bottle.cli.main import main; main()", *arguments],
            env={**os.environ, "BOT_BOTTLE_HOME": str(self.home), "TOKEN_OF_THIS_TEST": "made-up-8c1f4e0d77"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def bottle(self, *arguments: str) -> str:
        """Runs it to its end; its output."""
        process = self.launch(*arguments)
        out, _ = process.communicate(timeout=ENOUGH)
        assert process.returncode == 0, out
        return out

    def made(self) -> list[str]:
        """The containers and networks that carry this home's label."""
        client = connect(os.environ, Path.home())
        try:
            mine = {"label": f"bot-bottle.owner={os.getuid()}:{self.home.resolve()}"}
            containers = client.containers(all=True, filters=mine)
            return [c["Names"][0] for c in containers] + [n["Name"] for n in client.networks(filters=mine)]
        finally:
            client.close()

    def states(self) -> Sequence[str]:
        state = self.home / "state"
        return sorted(path.name for path in state.iterdir()) if state.exists() else []


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Both images are there, so that no start below waits for a build."""
    require("docker")
    host = make_host(tmp_path_factory.mktemp("images"))
    host.bottle("start", "sleeper", "--yes", "--detach")
    host.bottle("stop", "--all")


@pytest.fixture
def host(tmp_path: Path, images: None) -> Iterator[Host]:
    host = make_host(tmp_path)
    yield host
    host.bottle("cleanup", "--yes")


def make_host(folder: Path) -> Host:
    home = folder / "home"
    for name, text in {
        "bottles/quiet": "---\nagent_provider: {template: claude, auth_token: TOKEN_OF_THIS_TEST}\n---\n",
        "agents/sleeper": "---\nbottle: quiet\n---\n",
    }.items():
        path = home / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Host(home)


def wait_for(process: "subprocess.Popen[str]", stage: str, host: Host) -> None:
    """Reads what the launcher says until the stage begins; RUNNING is when `bottle list` sees the bottle."""
    assert process.stdout is not None
    if stage == RUNNING:
        wait_for(process, PROVING, host)
        deadline = time.monotonic() + 30
        while "running" not in host.bottle("list"):
            assert time.monotonic() < deadline, "it never ran"
    elif stage:
        while not (line := process.stdout.readline()).startswith(stage):
            assert line, f"it ended before '{stage}'"


def ended(process: "subprocess.Popen[str]") -> int:
    """Its exit status; its input stays open until then."""
    status = process.wait(ENOUGH)
    process.communicate()
    return status
