"""Answers to stuck agents: what a yes does before it is told, and what a no leaves as it was."""

import json

import pytest

from bottle.adapters.fake.backend import FakeBottle
from bottle.app import findings, inventory, proposals, supervise
from bottle.app.start import run_detached
from bottle.app.supervise import Approval
from bottle.domain.errors import BackendError, ConflictError, ManifestError, NotFoundError, UsageError
from bottle.domain.supervise import (
    LIFETIME,
    Asked,
    EgressWish,
    Question,
    ScanWish,
)
from tests.app.asking import FILE, NUMBER, PYPI, Asking
from tests.app.conftest import Stage
from tests.support.flaky import flaky


@pytest.fixture
def asking(stage: Stage) -> Asking:
    return Asking(stage)


def test_a_yes_holds_before_it_is_told(asking: Asking) -> None:
    asking.asks(PYPI)
    decision = asking.approve()
    (route,) = asking.granted
    assert (route.host.text, route.paths, route.methods) == ("pypi.org", ("/simple",), ("GET",))
    assert (route.scan, route.inject, route.private_ips) == (True, None, ())
    assert (decision.state, decision.scope, decision.by, decision.until) == ("applied", "bottle", "sam", None)
    assert asking.asked().decision == decision


def test_minutes_end(asking: Asking) -> None:
    asking.asks(PYPI)
    decision = asking.approve(scope="minutes", minutes=5)
    now = asking.world.clock.now().timestamp()
    assert decision.until == now + 300
    grant = asking.granted[0].grant
    assert grant is not None
    assert (grant.has_lapsed(now + 299), grant.has_lapsed(now + 300)) == (False, True)
    asking.stage.clock.advance(minutes=6)
    asking.asks(EgressWish("files.example"), "bbbbbbbb")
    asking.approve("bbbbbbbb")
    assert [route.host.text for route in asking.granted] == ["files.example"], "what has lapsed is not told again"


def test_once_is_said_to_the_way_out(asking: Asking) -> None:
    asking.asks(PYPI)
    asking.approve(scope="once")
    grant = asking.granted[0].grant
    assert grant is not None
    assert (grant.id, grant.once) == (NUMBER, True)


def test_several_answers_add_up(asking: Asking) -> None:
    for number, host in (("aaaaaaaa", "a.example"), ("bbbbbbbb", "b.example")):
        asking.asks(EgressWish(host), number)
        asking.approve(number)
    assert [route.host.text for route in asking.granted] == ["a.example", "b.example"]
    assert isinstance(asking.bottle, FakeBottle)
    assert asking.bottle.policy.version == 2


def test_what_is_kept_is_shown_first_and_then_stands_in_the_file(asking: Asking) -> None:
    asking.asks(PYPI)
    reviewed = supervise.review(asking.world, NUMBER, Approval("kept"))
    assert reviewed.edit is not None
    assert (asking.file.read_text(), asking.granted) == (FILE, ())
    assert supervise.approve(asking.world, reviewed).state == "applied"
    assert asking.file.read_text() == reviewed.edit.after
    added = "    - host: pypi.org\n      methods: [GET]\n      path_allowlist: [/simple]\n"
    assert reviewed.edit.after == FILE.replace("---\n\nMine", f"{added}---\n\nMine")


def test_a_file_that_was_changed_meanwhile_is_left_alone(asking: Asking) -> None:
    asking.asks(PYPI)
    reviewed = supervise.review(asking.world, NUMBER, Approval("kept"))
    asking.file.write_text(FILE + "More of mine.\n")
    decision = supervise.approve(asking.world, reviewed)
    assert (decision.state, "changed meanwhile" in decision.reason) == ("failed", True)
    assert asking.file.read_text() == FILE + "More of mine.\n"


@pytest.mark.parametrize(
    ("wish", "concern"),
    [
        (EgressWish("*.example.com"), "wildcard"),
        (EgressWish("xn--ppi-dfd.org"), "may look like another host"),
        (EgressWish("10.0.0.5"), "no public address"),
        (EgressWish("169.254.169.254", port=80), "no public address"),
        (EgressWish("127.0.0.1", port=8443), "no public address"),
        (EgressWish("[::1]", port=8443), "no public address"),
    ],
)
def test_what_is_doubtful_is_pointed_out_and_needs_more_than_a_yes(
    asking: Asking, wish: EgressWish, concern: str
) -> None:
    asking.asks(wish)
    assert any(concern in one for one in proposals.concerns_of(asking.world, asking.asked()))
    with pytest.raises(UsageError, match=concern):
        asking.approve()
    assert (asking.granted, asking.asked().decision) == ((), None)
    assert asking.approve(even_so=True).state == "applied"


def test_a_host_that_has_a_credential_elsewhere_gets_none_by_an_agents_wish(asking: Asking) -> None:
    asking.asks(EgressWish("api.anthropic.com", "/v1/files"))
    with pytest.raises(UsageError, match="credential"):
        asking.approve()
    asking.approve(even_so=True)
    assert asking.granted[0].inject is None


def test_an_id_that_two_bottles_ask_under_is_answered_in_neither(asking: Asking) -> None:
    """A server that was taken over may know an id of another bottle's, and what an operator read there."""
    asking.asks(PYPI)
    reviewed = supervise.review(asking.world, NUMBER, Approval())
    shown = asking.asked()
    asking.identity = run_detached(asking.world, asking.stage.prepared(asking.world)).identity
    asking.asks(EgressWish("evil.example"))
    with pytest.raises(ConflictError, match="two bottles"):
        asking.approve()
    with pytest.raises(ConflictError, match="two bottles"):
        supervise.approve(asking.world, reviewed)
    assert [one.decision for one in proposals.proposals(asking.world)] == [None, None]
    assert shown in proposals.proposals(asking.world)


def test_a_wildcard_under_which_anybody_can_have_a_name_is_refused_as_in_a_manifest(asking: Asking) -> None:
    asking.asks(EgressWish("*.github.io"))
    with pytest.raises(ManifestError, match="anybody can have a name"):
        asking.approve(even_so=True)


def test_the_operator_grants_something_else(asking: Asking) -> None:
    asking.asks(EgressWish("*.example.com"))
    asking.approve(edited=EgressWish("docs.example.com", "", ("GET",)))
    assert [(route.host.text, route.methods) for route in asking.granted] == [("docs.example.com", ("GET",))]


def test_a_no_changes_nothing_and_has_a_reason(asking: Asking) -> None:
    asking.asks(PYPI)
    decision = supervise.reject(asking.world, NUMBER, "use the wheel in vendor/")
    assert (decision.state, decision.reason, asking.granted) == ("rejected", "use the wheel in vendor/", ())


def test_an_answer_is_given_once(asking: Asking) -> None:
    asking.asks(PYPI)
    asking.approve()
    with pytest.raises(ConflictError, match="applied already"):
        supervise.reject(asking.world, NUMBER, "no")
    with pytest.raises(ConflictError, match="applied already"):
        asking.approve()


def test_a_proposal_expires(asking: Asking) -> None:
    asking.asks(PYPI)
    asking.stage.clock.advance(seconds=LIFETIME + 1)
    assert proposals.state_of(asking.world, asking.asked()) == "expired"
    with pytest.raises(ConflictError, match="expired already"):
        asking.approve()


def test_a_question_needs_an_answer(asking: Asking) -> None:
    asking.asks(Question(("north", "south")), why="Which pier?")
    with pytest.raises(UsageError, match="is a question") as raised:
        asking.approve()
    assert "north / south" in (raised.value.hint or "")
    assert asking.approve(answer="south").answer == "south"


@pytest.mark.parametrize("text", ["\x1b[2J", "a\u202eb", "x" * 2001])
def test_what_the_agent_reads_is_plain(asking: Asking, text: str) -> None:
    asking.asks(Question(), why="Which?")
    with pytest.raises(UsageError, match="--answer"):
        asking.approve(answer=text)


FOUND = "5a0c1be2f49d7783"


def refuse(asking: Asking, rule: str = "dlp.gitlab-pat") -> None:
    """The way out refused a request of the bottle's, in which it found that."""
    line = {
        "time": "2026-01-01T00:00:00Z",
        "kind": "http",
        "host": "example.org",
        "allowed": False,
        "rule": rule,
        "reason": f"a token of GitLab's in the body, about byte 12 [fingerprint {FOUND}]",
    }
    (asking.state.audit_directory(asking.identity) / "audit.jsonl").write_text(json.dumps(line) + "\n")


def test_what_the_scanner_found_passes_once_it_is_approved(asking: Asking) -> None:
    refuse(asking)
    asking.asks(ScanWish(FOUND))
    assert [entry.rule for entry in findings.evidence(asking.world, asking.asked())] == ["dlp.gitlab-pat"]
    decision = asking.approve()
    assert (decision.state, decision.scope) == ("applied", "bottle")
    assert asking.policy.scanning.approved == (FOUND,)
    asking.asks(PYPI, "bbbbbbbb")
    asking.approve("bbbbbbbb")
    assert asking.policy.scanning.approved == (FOUND,), "the next answer takes nothing back"


@pytest.mark.parametrize(("rule", "says"), [(None, "no refusal of this bottle names it"), ("dlp.value", "withholds")])
def test_what_would_pass_unknown_or_not_at_all_is_pointed_out(asking: Asking, rule: str | None, says: str) -> None:
    if rule is not None:
        refuse(asking, rule)
    asking.asks(ScanWish(FOUND))
    with pytest.raises(UsageError, match=says):
        asking.approve()
    assert asking.policy.scanning.approved == ()


@pytest.mark.parametrize("scope", ["once", "minutes"])
def test_the_scanner_knows_no_time(asking: Asking, scope: str) -> None:
    refuse(asking)
    asking.asks(ScanWish(FOUND))
    with pytest.raises(UsageError, match="for this bottle, or is kept"):
        asking.approve(scope=scope, minutes=5)


def test_what_may_pass_for_good_stands_in_the_file(asking: Asking) -> None:
    refuse(asking)
    asking.asks(ScanWish(FOUND))
    decision = asking.approve(scope="kept")
    assert (decision.state, decision.scope) == ("applied", "kept")
    assert asking.file.read_text() == FILE.replace("# the forge\n", f"# the forge\n  dlp:\n    approved: [{FOUND}]\n")


def test_a_way_out_that_refuses_is_the_answer_and_the_old_rules_stand(asking: Asking) -> None:
    asking.asks(PYPI)
    before = asking.world.supervise.grants(asking.identity)
    assert isinstance(asking.bottle, FakeBottle)
    bottle = flaky(asking.bottle, "reload", BackendError("the sidecar is gone"))
    backend = asking.stage.backend
    backend.engine.bottles[(backend.owner, asking.identity)] = bottle
    decision = asking.approve()
    assert (decision.state, decision.reason) == ("failed", "the sidecar is gone")
    assert (asking.granted, asking.world.supervise.grants(asking.identity)) == ((), before)


def test_an_ended_bottle_is_granted_nothing(asking: Asking) -> None:
    asking.asks(PYPI)
    inventory.stop(asking.world, asking.identity)
    decision = asking.approve()
    assert (decision.state, "is not running" in decision.reason) == ("failed", True)


def test_the_key_goes_when_the_bottle_ends(asking: Asking) -> None:
    authority, key = asking.world.supervise.authority(asking.identity)
    assert "PRIVATE KEY" in key
    assert key not in authority
    inventory.stop(asking.world, asking.identity)
    with pytest.raises(NotFoundError, match="has ended"):
        asking.world.supervise.authority(asking.identity)


def test_each_proposal_is_notified_of_once_however_many_watch(asking: Asking) -> None:
    asking.asks(PYPI)
    first, second = set[str](), set[str]()
    shown = [asked.proposal.id for seen in (first, first, second) for asked, _ in _new(asking, seen)]
    assert shown == [NUMBER, NUMBER], "each watcher shows it once"
    assert [asked.proposal.id for asked in asking.stage.notifier.called] == [NUMBER]


def test_the_trail_says_who_decided_what_and_until_when(asking: Asking) -> None:
    asking.asks(PYPI, why="pip needs it")
    asking.approve(scope="minutes", minutes=5)
    lines = [line for line in map(json.loads, asking.state.audit_lines(asking.identity)) if line["kind"] == "supervise"]
    assert [(line["rule"], line["allowed"]) for line in lines] == [
        ("egress-block.asked", True),
        ("egress-block.applied", True),
    ]
    assert "pip needs it" in lines[0]["reason"]
    assert "by sam" in lines[1]["reason"]
    assert "GET to pypi.org/simple (minutes, until 1767225900)" in lines[1]["reason"]


def test_a_list_counts_what_waits(asking: Asking) -> None:
    asking.asks(PYPI)
    asking.asks(Question(), "bbbbbbbb", "Which?")
    supervise.reject(asking.world, NUMBER, "no")
    assert [row.pending for row in inventory.rows(asking.world)] == [1]


def test_a_bottle_that_is_not_supervised_has_nothing_to_answer(stage: Stage) -> None:
    bottle = run_detached(stage.world, stage.prepared())
    assert proposals.proposals(stage.world, bottle.identity) == []
    assert not (stage.home / "state" / bottle.identity).exists()
    with pytest.raises(NotFoundError):
        stage.world.supervise.grants(bottle.identity)


@pytest.mark.parametrize("number", ["", "../../etc", "zzzzzzzz"])
def test_an_unknown_id_is_not_found(asking: Asking, number: str) -> None:
    asking.asks(PYPI)
    with pytest.raises(NotFoundError):
        asking.asked(number)


def _new(asking: Asking, seen: set[str]) -> "list[tuple[Asked, object]]":
    return list(proposals.new_proposals(asking.world, seen))
