"""Where bottles without an engine have their sockets: one place for all sessions, this user's alone, empty at last."""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.runtime import Runtimes
from bottle.domain.errors import BackendError, BottleError, ConflictError

NOBODY = 23987


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="br-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_every_session_of_the_user_finds_the_same_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = {Runtimes("me", NOBODY).of("demo-00000").path}
    for name in ("TMPDIR", "XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
        found.add(Runtimes("me", NOBODY).of("demo-00000").path)
    assert len(found) == 1


def test_the_longest_names_make_paths_that_sockets_can_have(place: Path) -> None:
    longest = f"a{'b' * 56}-00000"
    path = Runtimes("me", number=4294967294).of(longest).path / "control"
    assert len(os.fsencode(path)) <= 107
    spare = len("/tmp/bot-bottle-4294967294") - len(f"{place}/bot-bottle-{os.getuid()}")
    name = longest[: 57 + min(spare, 0)] + "-00000"
    with Runtimes("me", place=place).claimed(name) as (runtime, _), Descriptors() as held:
        held.listener(str(runtime.control))


def test_a_claim_holds_until_every_copy_of_the_lock_is_closed(place: Path) -> None:
    runtimes = Runtimes("me", place=place)
    with runtimes.claimed("demo-00000") as (runtime, lock):
        copy = os.dup(lock)
    assert runtime.is_held()
    with pytest.raises(ConflictError, match="the name is taken: demo-00000"), runtimes.claimed("demo-00000"):
        pass
    os.close(copy)
    assert not runtime.is_held()


def test_what_nobody_holds_any_more_is_taken_over_empty(place: Path) -> None:
    runtimes = Runtimes("me", place=place)
    with runtimes.claimed("demo-00000") as (runtime, _):
        for name in ("control", "box", "sidecar.log", "sidecar.log.1"):
            (runtime.path / name).write_text("old")
    with runtimes.claimed("demo-00000") as (runtime, _):
        assert [path.name for path in runtime.path.iterdir()] == ["lock"]


def test_looking_whether_one_is_held_never_keeps_a_claim_out(place: Path) -> None:
    runtimes, stop = Runtimes("me", place=place), threading.Event()

    def look() -> None:
        while not stop.is_set():
            runtimes.of("demo-00000").is_held()

    watchers = [threading.Thread(target=look) for _ in range(4)]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(200):
            with runtimes.claimed("demo-00000") as (runtime, _):
                assert runtime.is_held()
    finally:
        stop.set()
        for watcher in watchers:
            watcher.join()


def test_the_last_bottle_takes_the_directories_above_with_it(place: Path) -> None:
    runtimes = Runtimes("me", place=place)
    with runtimes.claimed("demo-00000") as (one, _), runtimes.claimed("demo-00001") as (other, _):
        one.remove()
        one.remove()
        assert other.path.is_dir()
        other.remove()
    assert list(place.iterdir()) == []


def test_a_claim_and_the_last_removal_of_others_do_not_disturb_each_other(place: Path) -> None:
    failures: list[Exception] = []

    def come_and_go(number: int) -> None:
        runtimes = Runtimes(f"owner {number % 2}", place=place)
        try:
            for count in range(150):
                with runtimes.claimed(f"demo-{number}{count:04d}") as (runtime, _):
                    assert runtime.is_held()
                    runtime.remove()
        except (BottleError, AssertionError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(place.iterdir()) == []


def test_an_empty_place_of_a_launcher_that_was_killed_goes_with_the_next_look(place: Path) -> None:
    runtimes = Runtimes("me", place=place)
    runtimes.of("demo-00000").path.parent.mkdir(parents=True, mode=0o700)
    assert runtimes.all() == []
    assert list(place.iterdir()) == []


def test_all_are_found_and_nothing_else(place: Path) -> None:
    runtimes = Runtimes("me", place=place)
    with ExitStack() as stack:
        for identity in ("demo-00001", "demo-00000"):
            stack.enter_context(runtimes.claimed(identity))
        stack.enter_context(Runtimes("you", place=place).claimed("demo-00002"))
        (runtimes.of("demo-00000").path.parent / "stranger").mkdir()
        assert [runtime.identity for runtime in runtimes.all()] == ["demo-00000", "demo-00001"]


@pytest.mark.parametrize("kind", ["writable by others", "a link", "a file", "somebody else's"])
def test_a_place_that_is_not_this_users_alone_is_refused_with_a_remedy(place: Path, kind: str) -> None:
    base = place / f"bot-bottle-{os.getuid()}"
    if kind == "a link":
        (place / "elsewhere").mkdir()
        base.symlink_to(place / "elsewhere")
    elif kind == "a file":
        base.touch(mode=0o600)
    else:
        base.mkdir(mode=0o700)
        if kind == "writable by others":
            base.chmod(0o777)
        elif os.geteuid():
            pytest.skip("needs root, to give a directory away")
        else:
            os.chown(base, NOBODY, NOBODY)
    runtimes = Runtimes("me", place=place)
    for use in (lambda: runtimes.claimed("demo-00000").__enter__(), lambda: runtimes.of("demo-00000")):
        with pytest.raises(BackendError, match="is not a directory of this user's alone") as caught:
            use()
        assert caught.value.hint == f"look at it, and remove {base}"
    assert runtimes.all() == []


def test_roots_bottles_have_a_place_that_their_own_user_may_clear_away(place: Path) -> None:
    if os.geteuid():
        pytest.skip("needs root")
    with Runtimes("me", NOBODY, place).claimed("demo-00000") as (runtime, _):
        for path in (runtime.path, *runtime.path.parents[:2], runtime.path / "lock"):
            assert path.lstat().st_uid == NOBODY
            assert path.lstat().st_mode & 0o077 == 0


def test_a_place_that_cannot_be_made_is_one_error(place: Path) -> None:
    with pytest.raises(BackendError, match=r"cannot make .*: No such file|cannot make .*: others use it"):
        Runtimes("me", place=place / "absent").claimed("demo-00000").__enter__()


def test_what_would_not_go_is_an_error(place: Path) -> None:
    runtimes = Runtimes("me", place=place)
    with runtimes.claimed("demo-00000") as (runtime, _):
        (runtime.path / "stranger").touch()
        with pytest.raises(BackendError, match=r"would not go: .*Directory not empty"):
            runtime.remove()


@pytest.mark.parametrize("number", ["", "x", "0", "-1", "1", "999999999", "own"])
def test_a_number_that_is_no_keepers_is_not_taken_for_one(place: Path, number: str) -> None:
    with Runtimes("me", place=place).claimed("demo-00000") as (runtime, _):
        (runtime.path / "lock").write_text(str(os.getpid()) if number == "own" else number)
        assert runtime.keeper() is None
