"""The promises of the port `StateStore`, kept by files and by the fake."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.fake.state import FakeState
from bottle.adapters.state import StateFiles
from bottle.app.ports import StateStore
from bottle.domain.errors import BottleError, ConflictError, NotFoundError
from bottle.domain.state import Event, Metadata
from tests.support.flaky import flaky

DEMO = Metadata("demo-abc12", "demo", "dev", "docker", "2026-01-01T00:00:00+00:00", label="a lábel", color="cyan")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DISGUISED = [
    "",
    ".",
    "..",
    "../demo-abc12",
    "demo-abc12/",
    "/etc",
    "demo-abc12\n",
    "demo-abc12\0",
    "Demo-abc12",
    "demo",
]


def event(rule: str, seconds: int = 0) -> Event:
    return Event(NOON + timedelta(seconds=seconds), DEMO.identity, rule, "because")


def sidecar_line(rule: str, seconds: int = 0) -> str:
    return json.dumps({"time": (NOON + timedelta(seconds=seconds)).isoformat(), "rule": rule}) + "\n"


def rules(lines: Iterator[str] | list[str]) -> list[str]:
    return [json.loads(line)["rule"] for line in lines]


@pytest.fixture(params=["files", "fake"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> StateStore:
    return StateFiles(tmp_path / "home" / "state") if request.param == "files" else FakeState(tmp_path)


def test_what_is_claimed_is_read_back(store: StateStore) -> None:
    store.claim(DEMO)
    assert store.read(DEMO.identity) == DEMO


def test_nothing_is_known_before_the_first_claim(store: StateStore) -> None:
    assert list(store.identities()) == []


def test_a_second_claim_is_a_conflict_and_changes_nothing(store: StateStore) -> None:
    store.claim(DEMO)
    with pytest.raises(ConflictError, match="demo-abc12 is taken"):
        store.claim(evolve(DEMO, label="thief"))
    assert store.read(DEMO.identity) == DEMO


def test_of_racing_claims_exactly_one_wins(store: StateStore) -> None:
    start = threading.Barrier(8)

    def claim(number: int) -> bool:
        start.wait()
        try:
            store.claim(evolve(DEMO, label=str(number)))
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(claim, range(8)))
    assert won.count(True) == 1
    assert store.read(DEMO.identity).label == str(won.index(True))


def test_update_replaces_everything(store: StateStore) -> None:
    store.claim(DEMO)
    ended = evolve(DEMO, label="", ended_at="2026-01-02T00:00:00+00:00", exit_status=3, detached=True)
    store.update(ended)
    assert store.read(DEMO.identity) == ended


@pytest.mark.parametrize(
    "attempt",
    [
        lambda store: store.read(DEMO.identity),
        lambda store: store.update(DEMO),
        lambda store: store.audit_directory(DEMO.identity),
        lambda store: store.audit_lines(DEMO.identity),
        lambda store: store.audit_end(DEMO.identity),
        lambda store: store.hold(DEMO.identity),
        lambda store: store.ending(DEMO.identity),
        lambda store: store.record(event("started")),
        lambda store: store.keep_log(DEMO.identity, "sidecar.log", b""),
        lambda store: store.log(DEMO.identity),
    ],
    ids=[
        "read",
        "update",
        "audit_directory",
        "audit_lines",
        "audit_end",
        "hold",
        "ending",
        "record",
        "keep_log",
        "log",
    ],
)
def test_what_nobody_claimed_is_not_found(store: StateStore, attempt: Callable[[StateStore], object]) -> None:
    with pytest.raises(NotFoundError, match="demo-abc12"):
        attempt(store)
    assert list(store.identities()) == []


@pytest.mark.parametrize("name", DISGUISED)
def test_what_is_no_identity_names_no_bottle(store: StateStore, name: str) -> None:
    for attempt in (store.read, store.audit_directory, store.audit_lines, store.hold, store.held, store.release):
        with pytest.raises(NotFoundError):
            attempt(name)
    with pytest.raises(NotFoundError):
        store.claim(evolve(DEMO, identity=name))


def test_identities_are_sorted(store: StateStore) -> None:
    for name in ("zoe-00000", "abe-99999", "abe-11111"):
        store.claim(evolve(DEMO, identity=name))
    assert list(store.identities()) == ["abe-11111", "abe-99999", "zoe-00000"]


def test_the_trail_of_host_and_sidecar_is_one_in_order_of_time(store: StateStore) -> None:
    store.claim(DEMO)
    store.record(event("started", 1))
    directory = store.audit_directory(DEMO.identity)
    (directory / "audit.jsonl").write_text(sidecar_line("early", 0) + sidecar_line("middle", 2))
    store.record(event("ended", 3))
    lines = list(store.audit_lines(DEMO.identity))
    assert rules(lines) == ["early", "started", "middle", "ended"]
    assert {"identity": "demo-abc12", "kind": "lifecycle", "allowed": True}.items() <= json.loads(lines[1]).items()


@pytest.mark.parametrize("trail", ["audit", "git"])
def test_full_files_of_a_trail_are_read_before_the_one_that_grows(store: StateStore, trail: str) -> None:
    store.claim(DEMO)
    directory = store.audit_directory(DEMO.identity)
    for name, rule in ((f"{trail}-000002", "second"), (trail, "third"), (f"{trail}-000001", "first")):
        (directory / f"{name}.jsonl").write_text(sidecar_line(rule))
    assert rules(list(store.audit_lines(DEMO.identity))) == ["first", "second", "third"]


def test_a_trail_of_which_nothing_was_written_is_empty(store: StateStore) -> None:
    store.claim(DEMO)
    assert list(store.audit_lines(DEMO.identity)) == []


def test_the_audit_directory_stays_the_same(store: StateStore) -> None:
    store.claim(DEMO)
    first = store.audit_directory(DEMO.identity)
    (first / "audit.jsonl").write_text(sidecar_line("kept"))
    assert store.audit_directory(DEMO.identity) == first
    assert rules(list(store.audit_lines(DEMO.identity))) == ["kept"]


def test_following_shows_what_comes_and_ends_with_the_state(store: StateStore) -> None:
    store.claim(DEMO)
    store.record(event("started"))
    path = store.audit_directory(DEMO.identity) / "audit.jsonl"
    lines = iter(store.audit_lines(DEMO.identity, follow=True))
    assert rules([next(lines)]) == ["started"]
    path.write_text(sidecar_line("first", 1))
    assert rules([next(lines)]) == ["first"]
    store.record(event("ended", 2))
    assert rules([next(lines)]) == ["ended"]
    store.release(DEMO.identity)
    assert list(lines) == []


def test_who_looks_again_and_again_sees_each_line_once_and_waits_for_none(store: StateStore) -> None:
    store.claim(DEMO)
    store.record(event("started"))
    end = store.audit_end(DEMO.identity)
    assert rules(list(end.added())) == ["started"]
    assert list(end.added()) == []
    (store.audit_directory(DEMO.identity) / "audit.jsonl").write_text(sidecar_line("first", 1))
    store.record(event("ended", 2))
    assert rules(list(end.added())) == ["first", "ended"]
    end.close()


def test_a_hold_lasts_as_long_as_its_block(store: StateStore) -> None:
    store.claim(DEMO)
    assert not store.held(DEMO.identity)
    with store.hold(DEMO.identity):
        assert store.held(DEMO.identity)
    assert not store.held(DEMO.identity)
    with pytest.raises(ZeroDivisionError), store.hold(DEMO.identity):
        raise ZeroDivisionError
    assert not store.held(DEMO.identity)


def test_two_cannot_hold_at_once(store: StateStore) -> None:
    store.claim(DEMO)
    with store.hold(DEMO.identity):
        with pytest.raises(ConflictError, match="tended by another process"), store.hold(DEMO.identity):
            pass
        assert store.held(DEMO.identity)


def test_one_alone_ends_a_bottle_whoever_tends_it(store: StateStore) -> None:
    store.claim(DEMO)
    with (
        store.hold(DEMO.identity),
        store.ending(DEMO.identity),
        pytest.raises(ConflictError, match="being ended by another process"),
        store.ending(DEMO.identity),
    ):
        pass
    with store.ending(DEMO.identity):
        assert not store.held(DEMO.identity)


def test_who_waits_ends_it_next(store: StateStore) -> None:
    store.claim(DEMO)
    order: list[str] = []

    def waits() -> None:
        with store.ending(DEMO.identity, wait=True):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with store.ending(DEMO.identity):
            second = pool.submit(waits)
            order.append("first")
        second.result(30)
    assert order == ["first", "second"]


def test_nobody_holds_what_is_not_there(store: StateStore) -> None:
    assert not store.held(DEMO.identity)


def test_logs_are_kept_by_name(store: StateStore) -> None:
    store.claim(DEMO)
    assert store.log(DEMO.identity) == b""
    store.keep_log(DEMO.identity, "sidecar.log", b"old\n")
    store.keep_log(DEMO.identity, "sidecar.log", b"second\n\xff")
    store.keep_log(DEMO.identity, "gate.log", b"first\n")
    assert store.log(DEMO.identity) == b"first\nsecond\n\xff"


def test_release_removes_all_and_may_be_repeated(store: StateStore) -> None:
    store.claim(DEMO)
    directory = store.audit_directory(DEMO.identity)
    (directory / "audit.jsonl").write_text(sidecar_line("gone"))
    store.keep_log(DEMO.identity, "sidecar.log", b"x")
    with store.hold(DEMO.identity):
        store.release(DEMO.identity)
    assert list(store.identities()) == []
    assert not directory.exists()
    assert not store.held(DEMO.identity)
    store.release(DEMO.identity)
    store.claim(DEMO)
    assert list(store.audit_lines(DEMO.identity)) == []


def test_a_fault_strikes_the_call_that_it_is_meant_for(store: StateStore) -> None:
    full = BottleError("no space left on device")
    before, after = flaky(store, "update", full, on_call=2), flaky(store, "update", full, after=True)
    store.claim(DEMO)
    before.update(evolve(DEMO, label="one"))
    with pytest.raises(BottleError, match="no space"):
        before.update(evolve(DEMO, label="two"))
    assert before.read(DEMO.identity).label == "one"
    with pytest.raises(BottleError, match="no space"):
        after.update(evolve(DEMO, label="three"))
    assert after.read(DEMO.identity).label == "three"
