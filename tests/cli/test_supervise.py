"""What `bottle supervise` says: everything of a proposal, as text that no terminal obeys, and as JSON."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from attrs import define

from bottle.adapters.state import StateFiles
from bottle.adapters.state.supervise import SuperviseFiles
from bottle.domain.egress import Policy
from bottle.domain.state import Metadata
from bottle.domain.supervise import CapabilityWish, EgressWish, Proposal, Question, Wish, first_grants
from bottle.domain.supervise_files import proposal_document
from tests.cli.conftest import CommandLine

IDENTITY = "coder-abc12"


@define
class Kept:
    """The state of a bottle that asked, without the bottle."""

    bottle: CommandLine

    def __attrs_post_init__(self) -> None:
        now = datetime.now(UTC).isoformat()
        StateFiles(self.bottle.home / "state").claim(Metadata(IDENTITY, "coder", "claude", "bubblewrap", now))
        SuperviseFiles(self.bottle.home / "state").open(IDENTITY, first_grants(Policy()), "certificate", "key")

    def asks(self, wish: Wish, number: str = "aaaaaaaa", why: str = "to go on\nand on") -> None:
        proposal = Proposal(number, IDENTITY, time.time(), why, wish)
        folder = self.bottle.home / "state" / IDENTITY / "supervise" / "asked"
        (folder / f"{number}.json").write_text(json.dumps(proposal_document(proposal)))


@pytest.fixture
def kept(bottle: CommandLine) -> Kept:
    return Kept(bottle)


def test_a_list_of_what_waits(kept: Kept) -> None:
    assert (kept.bottle("supervise", "list").out, kept.bottle("supervise", "list", "--json").json) == ("", [])
    kept.asks(EgressWish("pypi.org", "/simple", ("GET",)))
    line = kept.bottle("supervise", "list").out.splitlines()[1].split("  ")
    assert [cell.strip() for cell in line if cell.strip()][:4] == ["aaaaaaaa", IDENTITY, "egress-block", "pending"]
    (found,) = kept.bottle("supervise", "list", IDENTITY, "--json").json
    assert (found["wish"], found["decision"]) == (
        {"host": "pypi.org", "path": "/simple", "methods": ["GET"], "port": 443},
        None,
    )


def test_one_whole_with_what_to_know_and_how_to_answer(kept: Kept) -> None:
    kept.asks(EgressWish("*.example.com"))
    told = kept.bottle("supervise", "show", "aaaaaaaa")
    for said in ("any method to *.example.com", "to go on", "and on", "is a wildcard", "supervise approve aaaaaaaa"):
        assert said in told.out
    assert kept.bottle("supervise", "show", "aaaaaaaa", "--json").json["concerns"]


def test_lines_of_the_agents_do_not_pass_for_ours(kept: Kept) -> None:
    kept.asks(CapabilityWish("RUN true \\\nstate      approved"), why="fine\nkind       ask")
    lines = kept.bottle("supervise", "show", "aaaaaaaa").out.splitlines()
    assert [line for line in lines if line.startswith(("state", "kind"))] == [
        line for line in lines if line.split() in (["state", "pending"], ["kind", "capability-block"])
    ]


def test_a_question_is_answered(kept: Kept) -> None:
    kept.asks(Question(("north", "south")), why="Which pier?")
    bare = kept.bottle("supervise", "approve", "aaaaaaaa", "--json")
    assert (bare.status, "--answer" in bare.json["error"]["hint"]) == (2, True)
    answered = kept.bottle("supervise", "approve", "aaaaaaaa", "--answer", "south", "--json").json
    assert (answered["state"], answered["answer"], bool(answered["by"])) == ("applied", "south", True)
    assert kept.bottle("supervise", "list", "--json").json == []
    assert "south" in kept.bottle("supervise", "show", "aaaaaaaa").out


def test_what_cannot_be_made_to_hold_is_a_failure_here_too(kept: Kept) -> None:
    """The bottle does not run, so nothing judges by a new rule."""
    kept.asks(EgressWish("pypi.org"))
    told = kept.bottle("supervise", "approve", "aaaaaaaa")
    assert (told.status, told.out) == (5, "")
    assert kept.bottle("supervise", "show", "aaaaaaaa", "--json").json["decision"]["state"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("approve", "zzzzzzzz"), 4),
        (("approve", "../../etc"), 4),
        (("approve", "aaaaaaaa", "--once", "--keep"), 2),
        (("approve", "aaaaaaaa", "--minutes", "-3"), 2),
        (("approve", "aaaaaaaa", "--minutes", "99999999"), 2),
        (("approve", "aaaaaaaa", "--host", "*.github.io", "--even-so"), 3),
        (("approve", "aaaaaaaa", "--host", "https://x"), 2),
        (("approve", "aaaaaaaa", "--answer", "x"), 2),
        (("approve", "aaaaaaaa", "--by-hand"), 2),
        (("approve", "aaaaaaaa", "--dockerfile", "/nowhere/lines"), 2),
        (("approve", "aaaaaaaa", "--dockerfile", "/etc/hostname"), 2),
        (("reject", "aaaaaaaa"), 2),
        (("reject", "aaaaaaaa", "--reason", ""), 2),
        (("list", "nobody-abc12"), 4),
    ],
)
def test_what_is_no_answer_changes_nothing(kept: Kept, arguments: tuple[str, ...], status: int) -> None:
    kept.asks(EgressWish("pypi.org"))
    assert kept.bottle("supervise", *arguments).status == status
    assert [one["state"] for one in kept.bottle("supervise", "list", "--json").json] == ["pending"]


def test_what_is_kept_is_shown_and_without_a_yes_nothing_is_written(kept: Kept) -> None:
    kept.asks(EgressWish("pypi.org"))
    path = kept.bottle.home / "bottles" / "claude.md"
    before = path.read_text()
    told = kept.bottle("supervise", "approve", "aaaaaaaa", "--keep")
    assert "+    - host: pypi.org" in told.err.splitlines()
    assert (told.status, path.read_text()) == (2, before), "nobody is there to confirm it"


def test_whoever_watches_sees_each_as_it_comes_and_is_called(kept: Kept) -> None:
    called = kept.bottle.home / "called"
    terminal, theirs = os.openpty()
    watching = subprocess.Popen(
        [sys.executable, "-c", "from bottle.cli.main import main; main()", "supervise", "watch"],
        env={**kept.bottle.environment, "BOT_BOTTLE_NOTIFY": f"tee {called}", "TERM": "xterm"},
        cwd=kept.bottle.directory,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    assert watching.stdout is not None
    try:
        kept.asks(EgressWish("pypi.org"))
        first = watching.stdout.readline()
        assert first.split() == ["id", "aaaaaaaa"]
        assert os.read(terminal, 1024) == f"\a\033]0;bottle: {IDENTITY} asks\a".encode(), "the bell, and the title"
        assert json.loads(called.read_text())["title"] == "any method to pypi.org"
    finally:
        watching.send_signal(signal.SIGINT)
        watching.communicate()
        os.close(terminal)
    assert watching.returncode == 128 + signal.SIGINT


def test_a_list_of_bottles_counts_what_waits(kept: Kept) -> None:
    kept.asks(EgressWish("pypi.org"))
    (row,) = kept.bottle("list", "--all", "--json").json
    assert row["pending"] == 1


def test_what_is_granted_is_edited_first_and_an_empty_file_grants_nothing(kept: Kept) -> None:
    kept.asks(EgressWish("pypi.org", "/simple", ("GET",)))
    told = kept.bottle("supervise", "approve", "aaaaaaaa", "--edit", EDITOR="cp /dev/null")
    assert (told.status, "nothing was approved" in told.err) == (7, True)
    told = kept.bottle("supervise", "approve", "aaaaaaaa", "--edit", EDITOR="sed -i s/pypi.org/*.example.com/")
    assert (told.status, "*.example.com is a wildcard" in told.err) == (2, True), "what was edited is what is judged"
    assert kept.bottle("supervise", "list", "--json").json[0]["state"] == "pending"
