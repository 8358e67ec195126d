"""The real command line in a process of its own, with a home of its own and no engine unless a test asks for one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen

from tests.support import forks

TOKEN = "made-up-token-9f3a71c2d8"


@frozen
class Told:
    """What a run said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@frozen
class CommandLine:
    """Runs `bottle` from `directory`; the agent `coder` is defined, its token is set."""

    home: Path
    directory: Path
    environment: Mapping[str, str] = field(factory=dict)

    def __call__(self, *arguments: str, stdin: str = "", **changed: str) -> Told:
        env = {**self.environment, **changed}
        begin = forks.run if forks.suits(env) else _started
        done = begin(arguments, env=env, cwd=self.directory, content=stdin.encode())
        return Told(done.returncode, done.stdout.decode(), done.stderr.decode())

    def write(self, name: str, text: str) -> None:
        """Writes a manifest: `bottles/x` or `agents/x`."""
        path = self.home / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _started(
    arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, content: bytes
) -> "subprocess.CompletedProcess[bytes]":
    """The same with an interpreter of its own."""
    argv = [sys.executable, "-c", "from bottle.cli.main import main; main()", *arguments]
    return subprocess.run(argv, cwd=cwd, env=env, input=content, capture_output=True, timeout=60, check=False)


@pytest.fixture
def bottle(tmp_path: Path) -> CommandLine:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    home, directory = tmp_path / "home", tmp_path / "work"
    directory.mkdir()
    environment = {
        **kept,
        "HOME": str(tmp_path),
        "BOT_BOTTLE_HOME": str(home),
        "BOT_BOTTLE_CLAUDE_OAUTH_TOKEN": TOKEN,
        "DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock",
    }
    line = CommandLine(home, directory, environment)
    line.write(
        "bottles/claude",
        "---\nagent_provider:\n  template: claude\n  auth_token: BOT_BOTTLE_CLAUDE_OAUTH_TOKEN\n"
        "env:\n  MODE: quiet\n  BASE: ${STAGING_BASE}\n"
        "egress:\n  routes:\n    - host: api.example.com\n      methods: [GET]\n      path_allowlist: [/v1]\n---\n",
    )
    line.write("agents/coder", "---\nbottle: claude\ngit:\n  user:\n    name: sam\n---\nBe brief.\n")
    return line


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, bytes]]:
    """Everything below a directory, to compare."""

    def read(root: Path) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}

    return read
