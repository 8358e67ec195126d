"""The last step: nothing is acknowledged that the upstream did not take, and afterwards both sides agree."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.gitgate.conftest import World
from tests.gitgate.raw import raw_push
from tests.support.git_client import Git, Outcome


def upstream_hook(world: World, script: str) -> Path:
    """A hook of the forge's own, which judges what the gate sends."""
    hook = world.upstream / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)
    return hook


def agree(world: World) -> None:
    """The mirror, asked through the gate, is the upstream."""
    shown = world.git("asker").attempt("ls-remote", world.remote.upstream)
    assert shown.status == 0, shown.said
    assert Git.at(world.upstream)("for-each-ref", "--format=%(objectname)\t%(refname)") in shown.said


def test_what_the_upstream_refuses_is_refused_with_its_words(gate: World) -> None:
    """A protected branch, a rule of the forge's: the agent reads the forge's own lines, and a retry works."""
    hook = upstream_hook(gate, "echo 'branch is protected' >&2; exit 1")
    work = gate.clone()
    commit = work.commit({"a": "1\n"})
    outcome = work.attempt("push", "origin", "main")
    assert outcome.status != 0
    assert "git gate: push refused: the upstream refused it: [remote rejected]" in outcome.said
    assert "branch is protected" in outcome.said
    assert [line["rule"] for line in gate.audit if not line["allowed"]] == ["upstream.refused"]
    agree(gate)
    hook.unlink()
    work("push", "--quiet", "origin", "main")
    assert gate.tip() == commit
    agree(gate)


def test_somebody_who_was_faster_wins(gate: World) -> None:
    """The upstream moved between the look and the push: the gate sends only from where it saw the branch."""
    work = gate.clone()
    other = Git.at(gate.folder / "other")
    other("clone", "--quiet", str(gate.upstream), ".")
    theirs = other.commit({"theirs": "1\n"})
    before, mine = gate.tip(), work.commit({"mine": "1\n"})
    other("push", "--quiet", "origin", "main")
    said = raw_push(gate, work, f"{before} {mine} refs/heads/main", [mine])
    assert b"the upstream has moved meanwhile" in said
    assert gate.tip() == theirs
    agree(gate)
    work("pull", "--quiet", "--rebase")
    work("push", "--quiet", "origin", "main")
    assert gate.tip() == work("rev-parse", "HEAD")


def test_of_two_who_push_at_once_one_wins(gate: World) -> None:
    """Both began where the branch was; the other one is told to fetch, and nothing of either is lost or mixed."""
    works = [gate.clone(f"work-{number}") for number in range(2)]
    commits = [work.commit({f"file-{number}": "1\n"}, f"by {number}") for number, work in enumerate(works)]
    outcomes: dict[int, Outcome] = {}

    def push(number: int) -> None:
        outcomes[number] = works[number].attempt("push", "origin", "main")

    threads = [threading.Thread(target=push, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [number for number, outcome in outcomes.items() if outcome.status == 0]
    assert len(winners) == 1
    assert gate.tip() == commits[winners[0]]
    loser = works[1 - winners[0]]
    loser("pull", "--quiet", "--rebase")
    loser("push", "--quiet", "origin", "main")
    assert Git.at(gate.upstream)("rev-list", "--count", "main") == "3"
    agree(gate)


def test_several_refs_are_taken_together_or_not_at_all(gate: World) -> None:
    """The forge refuses one of two: the other is not there either."""
    upstream_hook(gate, "while read old new ref; do case $ref in *bad) exit 1;; esac; done")
    work = gate.clone()
    work.commit({"a": "1\n"})
    work("branch", "agent/good")
    work("branch", "agent/bad")
    assert work.attempt("push", "origin", "agent/good", "agent/bad").status != 0
    assert gate.tip("refs/heads/agent/good") == gate.tip("refs/heads/agent/bad") == ""
    agree(gate)


@pytest.mark.parametrize("takes_it", [True, False])
def test_a_gate_that_is_killed_in_mid_push(gate: World, takes_it: bool) -> None:
    """Whether the upstream had taken it or not: the agent sees failure, and the next gate shows what is so."""
    reached, go_on = gate.folder / "reached", gate.folder / "go-on"
    os.mkfifo(reached)
    os.mkfifo(go_on)
    status = 0 if takes_it else 1
    # Without the gate nobody reads what the upstream says; that must not be what ends its hook.
    hook = upstream_hook(gate, f"trap '' PIPE HUP; echo > {reached}; read line < {go_on}; exit {status}")
    work = gate.clone()
    commit = work.commit({"a": "1\n"})
    outcomes: list[Outcome] = []
    pushing = threading.Thread(target=lambda: outcomes.append(work.attempt("push", "origin", "main")))
    pushing.start()
    reached.read_text()
    gate.stop()
    pushing.join()
    go_on.write_text("\n")
    assert outcomes[0].status != 0
    _wait_for_receivers(gate.upstream)
    hook.unlink()
    gate.start()
    agree(gate)
    again = gate.git("again")
    again("clone", "--quiet", str(work.folder), ".")
    assert again.attempt("push", gate.remote.upstream, "HEAD:main").status == 0
    assert gate.tip() == commit
    agree(gate)


def _wait_for_receivers(repository: Path) -> None:
    """Until no receive-pack of the upstream's works any more: it outlives the connection for a moment."""
    pattern = f"git-receive-pack.*{repository}"
    while subprocess.run(["pgrep", "-f", pattern], stdout=subprocess.DEVNULL, check=False).returncode == 0:
        threading.Event().wait(0.05)
