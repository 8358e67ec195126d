"""The keeper's loop with plain programs in place of box and sidecar: who may ask it what, and how all of it ends."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest
from attrs import define

from bottle.adapters.bubblewrap import keeper
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.keeper import Lifeline
from bottle.adapters.bubblewrap.runtime import Runtime, Runtimes
from bottle.domain.errors import BackendError
from tests.support.boxes import children, is_alive, wait_until

BOX = "exec sleep 7177"
SIDECAR = """while read -r line; do echo '{"event": "ready", "version": 1}'; done"""
DEAF = "exec sleep 7178"
SOON = 60
MEBIBYTE = 1024**2


@define
class Kept:
    """A keeper with its two programs."""

    runtime: Runtime
    lifeline: Lifeline
    number: int
    programs: list[int]

    def ask(self, request: bytes) -> bytes:
        """What the keeper says to this; empty when it hangs up without a word."""
        with closing(self.visit()) as visitor:
            try:
                visitor.sendall(request)
                return visitor.recv(65536)
            except (BrokenPipeError, ConnectionResetError):
                return b""

    def visit(self) -> socket.socket:
        visitor = socket.socket(socket.AF_UNIX)
        visitor.connect(str(self.runtime.control))
        visitor.settimeout(SOON)
        return visitor

    def is_well(self) -> bool:
        return keeper.running(self.runtime) == {"box", "egress"}

    def descriptors(self) -> int:
        """Those that stay: its looks at the box open and close some."""
        return min(len(list(Path(f"/proc/{self.number}/fd").iterdir())) for _ in range(20))

    def memory(self) -> int:
        """Its resident memory, in bytes."""
        return int(Path(f"/proc/{self.number}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def all_is_gone(self) -> bool:
        return not any(map(is_alive, (self.number, *self.programs))) and not self.runtime.path.exists()


Keep = Callable[..., Kept]


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path, as sockets need it."""
    folder = Path(tempfile.mkdtemp(prefix="bk-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def keep(place: Path) -> Iterator[Keep]:
    """Starts keepers, which end with the test."""
    made: list[Runtime] = []

    def start(box: str = BOX, sidecar: str = SIDECAR, *, ready: bool = True) -> Kept:
        runtime, lifeline = _start(Runtimes("test", place=place), f"kept-{len(made):05d}", box, sidecar)
        made.append(runtime)
        deadline = time.monotonic() + SOON
        lifeline.wait_for("started", deadline, lambda: False)
        if ready:
            lifeline.wait_for("answer", deadline, lambda: False)
        number = runtime.keeper()
        assert number is not None
        return Kept(runtime, lifeline, number, children(number))

    yield start
    for runtime in made:
        keeper.end(runtime)


def _start(runtimes: Runtimes, identity: str, box: str, sidecar: str) -> tuple[Runtime, Lifeline]:
    with runtimes.claimed(identity) as (runtime, lock), Descriptors() as held:
        control = held.listener(str(runtime.control))
        programs = [_program("box", box, held), {**_program("egress", sidecar, held), "document": {"start": 1}}]
        spec = {"runtime": str(runtime.path), "control": control, "become": None, "memory": 0, "programs": programs}
        held.same(lock)
        return runtime, _ordered(spec, held.all)


def _ordered(spec: Mapping[str, object], descriptors: Sequence[int]) -> Lifeline:
    lifeline = Lifeline()
    lifeline.order(spec, descriptors)
    return lifeline


def _program(name: str, script: str, held: Descriptors) -> dict[str, object]:
    """A shell that says which process it is, as bwrap does for what it runs."""
    info = held.placeholder()
    report = f"""echo '{{"child-pid": '$$'}}' >&{info}; exec {info}>&-; {script}"""
    environment = {"PATH": os.environ["PATH"]}
    return {
        "name": name,
        "argv": ["bash", "-c", report],
        "descriptors": [info],
        "info": info,
        "environment": environment,
    }


GARBAGE: Mapping[str, bytes] = {
    "nothing": b"\n",
    "no JSON": b"GET / HTTP/1.1\r\n\r\n",
    "no text": b"\xff\xfe\x00\n",
    "half of one": b'{"do": "pro\n',
    "a list": b"[1]\n",
    "null": b"null\n",
    "nested": b"[" * 200_000 + b"\n",
    "nested objects": b'{"do":' * 100_000 + b"\n",
    "a long number": b"1" * 10_000 + b"\n",
    "no such thing": b'{"do": "sing"}\n',
    "a thing of a wrong kind": b'{"do": ["stop"]}\n',
    "two": b'{"do": "stop"}\n{"do": "stop"}\n',
    "no program": b'{"do": "configure", "document": 1}\n',
    "a program that takes nothing": b'{"do": "configure", "program": "box", "document": 1}\n',
    "a program of a wrong kind": b'{"do": "configure", "program": {}, "document": 1}\n',
}


@pytest.mark.parametrize("kind", list(GARBAGE))
def test_garbage_is_refused_and_the_bottle_goes_on(keep: Keep, kind: str) -> None:
    kept = keep()
    assert json.loads(kept.ask(GARBAGE[kind])) == {"event": "refused"}
    assert kept.is_well()


def test_a_document_as_deep_as_it_can_be_read_does_not_end_the_keeper(keep: Keep) -> None:
    kept = keep()
    for depth in (100, 500, 900, 980, 990, 995):
        document = b"[" * depth + b"]" * depth
        assert b"event" in kept.ask(b'{"do": "configure", "program": "egress", "document": ' + document + b"}\n")
    assert kept.is_well()


def test_visitors_that_say_half_of_something_and_go_leave_nothing(keep: Keep) -> None:
    kept = keep()
    assert kept.is_well()
    before = kept.descriptors()
    for size in range(60):
        with closing(kept.visit()) as visitor:
            visitor.sendall(b'{"do": "configure", "program": "egress", "document": 1}'[:size])
    assert kept.is_well()
    wait_until(lambda: kept.descriptors() <= before, SOON, "visitors that are gone are kept")


def test_hundreds_of_silent_visitors_keep_nobody_out(keep: Keep) -> None:
    kept = keep()
    before = kept.descriptors()
    crowd = [kept.visit() for _ in range(500)]
    assert kept.is_well()
    assert kept.descriptors() < before + 32
    for visitor in crowd:
        visitor.close()
    wait_until(lambda: kept.descriptors() <= before, SOON, "visitors that are gone are kept")


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_request_without_end_is_not_kept(keep: Keep, end: bytes) -> None:
    kept = keep()
    before = kept.memory()
    assert kept.ask(b"x" * (40 * MEBIBYTE) + end) in (b"", b'{"event": "refused"}\n')
    assert kept.memory() < before + 24 * MEBIBYTE
    assert kept.is_well()


def test_a_crowd_with_long_requests_is_kept_in_bounds(keep: Keep) -> None:
    kept = keep()
    before = kept.memory()
    crowd = [kept.visit() for _ in range(100)]
    for visitor in crowd:
        visitor.settimeout(0.2)
        try:
            visitor.sendall(b"x" * (4 * MEBIBYTE - 100))
        except OSError:
            continue  # it had to make room
    assert kept.memory() < before + 120 * MEBIBYTE
    assert kept.is_well()
    for visitor in crowd:
        visitor.close()


def test_visitors_that_never_read_their_answer_are_not_waited_for(keep: Keep) -> None:
    kept = keep()
    crowd = [kept.visit() for _ in range(60)]
    for visitor in crowd:
        with suppress(BrokenPipeError):  # it may have had to make room
            visitor.sendall(b'{"do": "programs"}\n')
    assert kept.is_well()
    for visitor in crowd:
        visitor.close()


def test_a_sidecar_that_answers_nobody_is_asked_so_often_and_no_more(keep: Keep) -> None:
    kept = keep(sidecar='read -r line; echo \'{"event": "ready"}\'; exec sleep 7179')
    before = kept.memory()
    document = b'{"do": "configure", "program": "egress", "document": "' + b"x" * MEBIBYTE + b'"}\n'
    crowd = []
    for _ in range(40):
        crowd.append(kept.visit())
        crowd[-1].sendall(document)
    assert kept.is_well()
    assert kept.memory() < before + 60 * MEBIBYTE
    assert json.loads(crowd[-1].recv(100)) == {"event": "refused"}
    for visitor in crowd:
        visitor.close()
    kept.lifeline.cut()
    wait_until(kept.all_is_gone, SOON, "something goes on")


def test_requests_leave_no_descriptor_behind(keep: Keep) -> None:
    kept = keep()
    assert kept.is_well()
    before = kept.descriptors()
    for version in range(100):
        assert kept.is_well()
        assert json.loads(keeper.configure(kept.runtime, "egress", {"version": version}))["event"] == "ready"
    wait_until(lambda: kept.descriptors() <= before, SOON, "visitors that are gone are kept")


def test_the_lifeline_ends_all(keep: Keep) -> None:
    kept = keep()
    kept.lifeline.cut()
    wait_until(kept.all_is_gone, SOON, "something goes on")
    assert not kept.runtime.path.parent.exists()


def test_the_lifeline_ends_all_while_a_crowd_stands_at_the_door(keep: Keep) -> None:
    kept = keep()
    crowd = [kept.visit() for _ in range(200)]
    kept.lifeline.cut()
    wait_until(kept.all_is_gone, SOON, "something goes on")
    for visitor in crowd:
        visitor.close()


def test_what_was_left_goes_on_without_its_launcher_and_is_stopped_by_another(keep: Keep) -> None:
    kept = keep()
    kept.lifeline.leave()
    kept.lifeline.leave()
    del kept.lifeline
    assert kept.is_well()
    keeper.stop(kept.runtime)
    assert not any(map(is_alive, kept.programs))
    wait_until(kept.all_is_gone, SOON, "the keeper goes on")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_all_in_order(keep: Keep, number: signal.Signals) -> None:
    kept = keep()
    os.kill(kept.number, number)
    wait_until(kept.all_is_gone, SOON, "something goes on")


def test_a_killed_keeper_takes_its_programs_with_it(keep: Keep) -> None:
    kept = keep()
    os.kill(kept.number, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, kept.programs)), SOON, "a program goes on")
    assert not kept.runtime.is_held()
    assert kept.runtime.keeper() is None
    keeper.end(kept.runtime)
    wait_until(kept.all_is_gone, SOON, "something goes on")


def test_a_keeper_that_was_stopped_is_ended(keep: Keep) -> None:
    kept = keep()
    os.kill(kept.number, signal.SIGSTOP)
    assert keeper.running(kept.runtime) == frozenset()
    keeper.end(kept.runtime)
    wait_until(kept.all_is_gone, SOON, "something goes on")


def test_a_keeper_that_hangs_is_ended(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the lock and its socket is there, but nobody reads what is asked."""
    monkeypatch.setattr(keeper, "_STOP_SECONDS", 0.1)
    hangs = [sys.executable, "-c", "import time; time.sleep(7179)", "sidecars.keeper"]
    with Runtimes("test", place=place).claimed("kept-00000") as (runtime, lock), Descriptors() as held:
        control = held.listener(str(runtime.control))
        process = subprocess.Popen(hangs, pass_fds=[lock, control])
        os.write(lock, str(process.pid).encode())
    keeper.end(runtime)
    assert process.wait(SOON) == -signal.SIGKILL
    assert not runtime.path.exists()


def test_a_directory_that_is_taken_away_ends_all(keep: Keep) -> None:
    kept = keep()
    kept.lifeline.leave()
    shutil.rmtree(kept.runtime.path)
    wait_until(kept.all_is_gone, SOON, "something goes on")


def test_a_lock_that_is_another_than_it_was_ends_all(keep: Keep) -> None:
    kept = keep()
    (kept.runtime.path / "lock").unlink()
    (kept.runtime.path / "lock").touch()
    wait_until(lambda: not any(map(is_alive, (kept.number, *kept.programs))), SOON, "something goes on")


def test_the_end_of_the_box_is_the_end_of_all_and_its_last_words_are_told(keep: Keep) -> None:
    kept = keep(box="sleep 0.3; echo first; echo 'it \033[31mbroke'; exit 3")
    with pytest.raises(BackendError, match=r"the box ended while it was started: it \[31mbroke"):
        kept.lifeline.wait_for("answer", time.monotonic() + SOON, lambda: False)
    wait_until(kept.all_is_gone, SOON, "something goes on")


def test_the_end_of_a_sidecar_leaves_the_box_without_it(keep: Keep) -> None:
    kept = keep(sidecar=SIDECAR.replace("while read", 'read -r line; echo \'{"event": "ready"}\'; false && while read'))
    wait_until(lambda: keeper.running(kept.runtime) == {"box"}, SOON, "the sidecar goes on")
    with pytest.raises(BackendError, match="the sidecar is gone"):
        keeper.configure(kept.runtime, "egress", {})


def test_a_sidecar_that_ends_before_its_answer_is_no_start(keep: Keep) -> None:
    kept = keep(sidecar="echo it has no python; exit 1", ready=False)
    with pytest.raises(BackendError, match="the sidecar ended while it was started: it has no python"):
        kept.lifeline.wait_for("answer", time.monotonic() + SOON, lambda: False)


def test_a_sidecar_at_work_may_write_down_its_last(keep: Keep, place: Path) -> None:
    last = shlex.quote(str(place / "last"))
    kept = keep(sidecar=f"trap 'echo done > {last}; exit' TERM; {SIDECAR}")
    keeper.stop(kept.runtime)
    assert (place / "last").read_text() == "done\n"


@pytest.mark.parametrize("ready", [True, False])
def test_a_program_that_will_not_end_is_ended(keep: Keep, ready: bool) -> None:
    stubborn = "trap '' TERM HUP INT; " + (SIDECAR if ready else DEAF)
    kept = keep(box="trap '' TERM HUP INT; " + BOX, sidecar=stubborn, ready=ready)
    keeper.stop(kept.runtime)
    assert not any(map(is_alive, kept.programs))


def test_output_without_end_is_kept_in_bounds(keep: Keep) -> None:
    kept = keep(box=f"head -c {60 * MEBIBYTE} /dev/zero; {BOX}")
    log = kept.runtime.path / "sidecar.log.1"
    wait_until(log.exists, SOON, "nothing was written")
    before = kept.memory()
    wait_until(lambda: len(kept.runtime.log()) <= 10 * MEBIBYTE and kept.is_well(), SOON, "the log grows")
    assert kept.memory() < before + 8 * MEBIBYTE


def test_a_program_that_cannot_be_started_leaves_nothing(place: Path) -> None:
    with Descriptors() as held, Runtimes("test", place=place).claimed("kept-00000") as (runtime, lock):
        control = held.listener(str(runtime.control))
        programs = [_program("box", BOX, held), {**_program("egress", DEAF, held), "argv": ["/not/there"]}]
        spec = {"runtime": str(runtime.path), "control": control, "become": None, "memory": 0, "programs": programs}
        held.same(lock)
        lifeline = _ordered(spec, held.all)
    with pytest.raises(BackendError, match="could not start it: FileNotFoundError: No such file"):
        lifeline.wait_for("started", time.monotonic() + SOON, lambda: False)
    lifeline.cut()
    wait_until(lambda: not runtime.path.exists(), SOON, "the directory stays")


def test_what_an_interpreter_says_that_cannot_go_on_is_told(place: Path) -> None:
    with Runtimes("test", place=place).claimed("kept-00000") as (runtime, lock):
        lifeline = _ordered({"no": "keeper understands this"}, [lock])
    with pytest.raises(BackendError, match="could not start it: KeyError"):
        lifeline.wait_for("started", time.monotonic() + SOON, lambda: False)
    with pytest.raises(BackendError, match="the bottle's keeper ended"):
        lifeline.wait_for("started", time.monotonic() + SOON, lambda: False)
    assert not runtime.is_held()
