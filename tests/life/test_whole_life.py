"""From a task to its branch and back into the box, as a person and a script do it, with a real box and real git."""

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.support import forks
from tests.support.git_client import Git
from tests.support.requirements import require

PLUGIN = """\
from bottle.plugin import AgentProvider, Provision


class Shell(AgentProvider):
    def provision(self, wish):
        return Provision(argv=("sh", *wish.arguments), transcript=(f"{wish.home}/.sessions",), headless=wish.headless)
"""
FILL = """python3 -c 'import os, time
while True:
    try:
        os.fork() or time.sleep(600)
    except OSError:
        time.sleep(600)'"""
NOTE = 'mkdir -p ~/.sessions && echo "$PWD $(cat ~/.sessions/notes 2>/dev/null)" > ~/.sessions/notes'


@frozen
class Host:
    """A home whose one agent is a shell that does what its task says."""

    home: Path
    git: Git

    def bottle(self, *arguments: str, status: int = 0) -> str:
        done = self.tried(*arguments)
        assert done.returncode == status, done.stderr
        return done.stdout.decode()

    def tried(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        env = {**os.environ, "BOT_BOTTLE_HOME": str(self.home)}
        return forks.run(arguments, env=env, cwd=self.git.folder, timeout=120)

    def run(self, task: str, *arguments: str, status: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.bottle("run", "sh", task, "--json", *arguments, status=status))
        return found


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    require("bubblewrap")
    require("git")
    root = tmp_path_factory.mktemp("life")
    for name, text in {
        "contrib/sh/agent_provider.py": PLUGIN,
        "bottles/sh.md": "---\nagent_provider: {template: sh}\nbackend: bubblewrap\nresources: {pids: 64}\n---\n",
        "agents/sh.md": "---\nbottle: sh\n---\n",
    }.items():
        path = root / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git = Git.at(root / "mine")
    git("init", "--quiet")
    git.commit({"code.py": "one\n", ".gitignore": "build/\n"})
    made = Host(root / "home", git)
    yield made
    made.bottle("cleanup", "--yes")


def test_a_task_a_second_one_and_the_work_as_a_branch(host: Host, tmp_path: Path) -> None:
    """The box's own repository is set to run a program wherever its settings count; on this host they never do."""
    marker = tmp_path / "ran"
    trap = f"git config core.fsmonitor 'touch {marker}'; printf '#!/bin/sh\\ntouch {marker}' > .git/hooks/post-checkout"
    first = host.run(
        f"{NOTE}; echo two > code.py; mkdir build; touch build/x; {trap}; echo all: > Makefile",
        "--cwd",
        "--keep-workspace",
    )
    identity = first["identity"]
    second = host.run("cat ~/.sessions/notes; cat code.py; ls build; exit 3", "--resume", identity, status=3)
    assert second["result"].split() == ["/home/node/workspace", "two", "x"]
    assert (second["identity"], second["exit_status"]) == (identity, 3)

    shown = json.loads(host.bottle("export", identity, "--dry-run", "--json"))
    assert [(change["path"], change["status"], change["look"]) for change in shown["changes"]] == [
        ("Makefile", "added", ["a build runs it"]),
        ("code.py", "changed", []),
    ]
    assert shown["left_out"] == ["git ignores it: build/x"]
    assert host.git("branch", "--list", "bottle/*") == ""

    told = json.loads(host.bottle("info", identity, "--json"))
    assert (told["status"], told["exit_status"]) == ("ended", 3)
    assert [kept["part"] for kept in told["kept"]] == ["transcript", "workspace"]
    (listed,) = json.loads(host.bottle("list", "--all", "--json"))
    assert listed["bytes"] > sum(kept["bytes"] for kept in told["kept"])
    assert json.loads(host.bottle("cleanup", "--older-than", "1d", "--json", "--yes"))["removed"] == []

    host.bottle("export", identity, status=2)  # nobody is there to say yes
    assert host.bottle("export", identity, "--yes").split() == [f"bottle/{identity}/work"]
    # Resumed or not, it stands on the commit that was checked out in the beginning.
    assert host.git("log", "--format=%s", f"bottle/{identity}/work").splitlines() == [
        f"What {identity} made of it",
        "work",
    ]
    host.git("switch", "--quiet", f"bottle/{identity}/work")
    host.git("status")
    assert (host.git.folder / "code.py").read_text() == "two\n"
    assert not marker.exists()


def test_a_running_bottle_is_exported_as_it_is_now(host: Host) -> None:
    identity = json.loads(host.bottle("start", "sh", "--cwd", "--keep-workspace", "--yes", "--detach", "--json"))[
        "identity"
    ]
    host.bottle("exec", identity, "--", "sh", "-c", "echo now > now.txt")
    patch = host.home / "now.patch"
    assert host.bottle("export", identity, "--patch", str(patch), "--yes").split() == [str(patch)]
    assert "+now" in patch.read_text()
    host.bottle("exec", identity, "--", "true")  # it goes on
    host.bottle("stop", identity)


def test_exports_and_a_stop_at_once_bring_whole_work_home(host: Host, tmp_path: Path) -> None:
    """Whoever comes first: each export has all that was there, and the bottle is stopped."""
    start = ("start", "sh", "--cwd", "--keep-workspace", "--yes", "--detach", "--json")
    identity = json.loads(host.bottle(*start))["identity"]
    host.bottle("exec", identity, "--", "sh", "-c", "head -c 300000 /dev/urandom > big")
    patches = [tmp_path / f"{number}.patch" for number in range(2)]
    commands = [
        *(("export", identity, "--yes", "--patch", str(patch)) for patch in patches),
        ("export", identity, "--yes"),
        ("stop", identity),
    ]
    with ThreadPoolExecutor() as together:
        statuses = list(together.map(lambda command: host.tried(*command).returncode, commands))
    assert statuses == [0] * len(commands)
    assert len({patch.read_bytes() for patch in patches}) == 1
    assert host.git("ls-tree", "--long", f"bottle/{identity}/work", "big").split()[3] == "300000"
    assert json.loads(host.bottle("list", "--json")) == []


def test_what_takes_too_long_is_ended_and_can_be_gone_on_with(host: Host) -> None:
    """Also where it has all the processes that its box may have."""
    slow = host.run(f"{NOTE}; {FILL}", "--timeout", "1s", status=124)
    assert (slow["timed_out"], slow["exit_status"]) == (True, None)
    assert host.run("cat ~/.sessions/notes", "--resume", slow["identity"])["result"] == "/home/node"


def test_a_box_that_packs_no_honest_archive_ends_without_one(host: Host) -> None:
    """A file that is called as nothing honest is: all of it is refused, and the bottle goes nevertheless."""
    deep = "d=~/.sessions; for i in $(seq 200); do d=$d/x; mkdir -p $d; done; touch $d/y"
    told = host.run(deep)
    assert json.loads(host.bottle("list", "--json")) == []
    refused = json.loads(host.bottle("run", "sh", "true", "--resume", told["identity"], "--json", status=109))
    assert "nothing was kept" in refused["error"]["message"]
