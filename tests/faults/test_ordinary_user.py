"""The same without an engine for somebody who is not root, where the tests are: nothing of it needs a privilege."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from tests.faults.conftest import MAKING, PROVING, WAITING, Host, ended, make_host, wait_for
from tests.support.boxes import Parts, is_alive, runtimes, wait_until
from tests.support.requirements import require

ROOT = Path(__file__).parents[2]
NUMBER = 20_000 + os.getpid() % 40_000  # of nobody else, be it another run of these tests
PYTHON = "/usr/bin/python3"
SOON = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path that anybody can reach."""
    with tempfile.TemporaryDirectory(prefix="bottle-person-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def host(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Somebody's home, and a Python that they can reach."""
    require("bubblewrap")
    require("setpriv")
    if os.geteuid():
        pytest.skip("whoever runs the tests is an ordinary user")
    packages = next(path for path in map(Path, sys.path) if (path / "attrs").is_dir())
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}:{packages}")
    monkeypatch.delenv("BOT_BOTTLE_BUILD_CA", raising=False)  # whoever runs the tests may keep it to themselves
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("HOME", str(folder))
    words = ("setpriv", f"--reuid={NUMBER}", f"--regid={NUMBER}", "--clear-groups", "--inh-caps=-all")
    host = evolve(make_host(folder, "bubblewrap"), python=PYTHON, before=words)
    subprocess.run(["chown", "-R", f"{NUMBER}:{NUMBER}", folder], check=True)
    tried = subprocess.run(
        [*words, PYTHON, "-c", "import bottle.cli.main, cryptography"], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"{PYTHON} cannot run bottle as another user: {tried.stderr.strip().splitlines()[-1:]}")
    yield host
    host.bottle("cleanup", "--yes")
    assert host.made() == []


def test_a_bottle_is_its_users_alone_and_leaves_nothing(host: Host) -> None:
    identity = host.bottle("start", "sleeper", "--yes", "--detach").splitlines()[-1]
    parts, path = Parts.of(host.home, identity), runtimes(host.home).of(identity).path
    assert {Path(f"/proc/{number}").stat().st_uid for number in parts.all} <= {
        NUMBER,
        0,
    }  # 0: it shows nothing of itself
    assert {folder.stat().st_mode & 0o077 for folder in (path, *path.parents[:2])} == {0}
    assert host.bottle("exec", identity, "--", "id", "-un") == "node\n"
    assert "running" in host.bottle("list")
    host.bottle("stop", identity)
    assert not any(map(is_alive, parts.all))
    assert host.made() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("stage", [MAKING, PROVING])
def test_a_signal_leaves_nothing(host: Host, number: signal.Signals, stage: str) -> None:
    process = host.launch("start", "sleeper", "--yes", "--", *WAITING)
    wait_for(process, stage, host)
    process.send_signal(number)
    assert ended(process) == 128 + number
    assert host.made() == []


@pytest.mark.parametrize(("stage", "delay"), [(MAKING, 0.0), (MAKING, 0.05), (PROVING, 0.0), (PROVING, 0.3)])
def test_nothing_survives_a_killed_launcher(host: Host, stage: str, delay: float) -> None:
    process = host.launch("start", "sleeper", "--yes", "--", *WAITING)
    wait_for(process, stage, host)
    time.sleep(delay)
    process.kill()
    ended(process)
    wait_until(lambda: not host.processes(), SOON, "something goes on")


@pytest.mark.parametrize("part", ["keeper", "box", "monitor"])
def test_a_part_that_is_killed_takes_all_with_it(host: Host, part: str) -> None:
    identity = host.bottle("start", "sleeper", "--yes", "--detach").splitlines()[-1]
    parts = Parts.of(host.home, identity)
    os.kill({"keeper": parts.keeper, "box": parts.box[1], "monitor": parts.box[0]}[part], signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, parts.all)), SOON, "something goes on")
    assert "lost" in host.bottle("list", "--all")


def test_a_keeper_that_was_stopped_is_ended_all_the_same(host: Host) -> None:
    identity = host.bottle("start", "sleeper", "--yes", "--detach").splitlines()[-1]
    parts = Parts.of(host.home, identity)
    os.kill(parts.keeper, signal.SIGSTOP)
    host.bottle("stop", identity)
    wait_until(lambda: not any(map(is_alive, parts.all)), SOON, "something goes on")


def test_a_place_that_somebody_else_made_is_refused_with_a_remedy(host: Host) -> None:
    place = runtimes(host.home).of("any-00000").path.parents[1]
    place.mkdir(mode=0o755)
    try:
        process = host.launch("start", "sleeper", "--yes", "--detach")
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 105
        assert f"bottle: error: {place} is not a directory of this user's alone" in said
        assert f"hint: look at it, and remove {place}" in said
        assert "no bottle" in host.bottle("list")
    finally:
        place.rmdir()
