"""Whoever interrupts a bottle is told what it let out, as at every other end."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support import secret_rules
from tests.support.bottle_cli import program
from tests.support.requirements import require

pytestmark = pytest.mark.timeout(900)  # secret rules may have to be compiled

PROVIDER = """
from bottle.plugin import AgentProvider, Provision

class Tool(AgentProvider):
    def provision(self, wish):
        return Provision(argv=("sh", "-c", "curl -s https://elsewhere.example/; echo asked; exec sleep 60"))
"""
BOTTLE = """---
backend: bubblewrap
agent_provider: {template: sh}
egress: {routes: [{host: api.example.com}]}
---
"""


def home(root: Path) -> Path:
    """A home of bottle's with one agent, which asks for a host that is not listed, and waits."""
    for name, text in (
        ("contrib/sh/agent_provider.py", PROVIDER),
        ("bottles/mine.md", BOTTLE),
        ("agents/asker.md", "---\nbottle: mine\n---\nAsk.\n"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    secret_rules.lend(root)
    return root


def test_an_interrupted_agent_ends_with_what_went_out(tmp_path: Path) -> None:
    require("bubblewrap")
    require("curl")
    environment = {**os.environ, "BOT_BOTTLE_HOME": str(home(tmp_path))}
    argv = [*program(), "start", "asker", "--yes", "--label", "asker", "--color", "red"]
    with subprocess.Popen(
        argv, env=environment, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        while (line := process.stdout.readline()) and line != "asked\n":
            pass
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGINT
    assert "bottle: egress: 1 request, 1 refused" in said
    assert "host.unlisted: elsewhere.example is not listed in this bottle" in said
