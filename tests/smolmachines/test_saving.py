"""An image that is made into a file: whole or not at all, and what a killed process leaves of it is found."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from bottle.adapters.bubblewrap.managed import alone
from bottle.adapters.docker.saving import Saved
from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.smolmachines.archives import IMAGE, Archives
from bottle.adapters.smolmachines.backend import SmolmachinesBackend
from bottle.domain.plan import Image
from tests.support import bottles, smolmachines
from tests.support.requirements import require
from tests.support.secret_rules import shared_rules

ROOT = Path(__file__).parents[2]
ANY = Image("bot-bottle-any:0123456789ab")
DYING = """
import os, signal, sys
from pathlib import Path
from bottle.adapters.docker.engine import Engine
from bottle.adapters.fake.progress import FakeProgress
from tests.smolmachines.test_saving import kept_at
from tests.support.smolmachines import images_for_tests

setattr(Engine, sys.argv[2], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
kept_at(Path(sys.argv[1])).build(images_for_tests()[0], FakeProgress())
"""
FULL = """
import sys
from pathlib import Path
from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.smolmachines.archives import Archives
from bottle.domain.errors import ProvisionError
from tests.smolmachines.test_saving import ANY, Engine

try:
    Archives(Path(sys.argv[1]), lambda: Engine(chunks=40)).make(ANY, FakeProgress(), "tests")
except ProvisionError as error:
    print(error)
print(sorted(path.name for path in Path(sys.argv[1]).iterdir()))
"""


def kept_at(folder: Path) -> SmolmachinesBackend:
    """A backend that has no image yet."""
    archives = Archives(folder / "archives", lambda: bottles.docker_backend("tests:images"))
    env = smolmachines.environ(folder)
    return SmolmachinesBackend(owner=f"tests:{folder}", environ=env, archives=archives, rules=shared_rules())


@define
class Engine:
    """Saves an image of so many chunks of 64 KiB, and counts how often."""

    chunks: int = 1
    count: int = 0
    began: threading.Event = field(factory=threading.Event)
    goes_on: threading.Event | None = None

    def missing(self, _: Sequence[Image]) -> Sequence[Image]:
        return []

    @contextmanager
    def saved(self, *_: object) -> Iterator[Saved]:
        self.count += 1
        self.began.set()
        if self.goes_on is not None:
            self.goes_on.wait(30)
        yield Saved(iter([b"x" * 65536] * self.chunks), b"roots")


def archives_of(folder: Path, engine: Any) -> Archives:
    return Archives(folder, lambda: engine)


@pytest.mark.parametrize(("moment", "kind"), [("commit", "container"), ("saved", "image")])
def test_what_a_killed_save_leaves_is_listed_and_removed(data: Path, moment: str, kind: str) -> None:
    """And is no image that anything is made from. While some process saves one, it is no leftover."""
    smolmachines.images_for_tests()
    dying = subprocess.run([sys.executable, "-c", DYING, str(data), moment], cwd=ROOT, check=False, timeout=120)
    assert dying.returncode == -signal.SIGKILL
    backend = kept_at(data)
    (found,) = backend.leftovers()
    assert found.kind == kind
    assert backend.missing([smolmachines.images_for_tests()[0]])
    with alone(data / "archives", FakeProgress()):
        assert backend.leftovers() == []
    backend.destroy(found.identity)
    assert backend.leftovers() == []


def test_what_is_half_made_is_swept_away_by_the_next(tmp_path: Path) -> None:
    archives = archives_of(tmp_path / "kept", Engine())
    half = tmp_path / "kept" / ".new-of-a-killed-one"
    half.mkdir(parents=True)
    (half / IMAGE).write_bytes(b"half")
    assert archives.missing([ANY]) == [ANY]
    archives.make(ANY, FakeProgress(), "tests")
    assert not half.exists()
    assert archives.of(ANY).image.read_bytes() == b"x" * 65536


def test_two_at_once_make_one(tmp_path: Path) -> None:
    engine, waiting = Engine(goes_on=threading.Event()), _Waiting()
    archives = archives_of(tmp_path / "kept", engine)
    first, second = (
        threading.Thread(target=archives.make, args=(ANY, progress, "tests")) for progress in (FakeProgress(), waiting)
    )
    first.start()
    assert engine.began.wait(30)
    second.start()
    assert waiting.heard.wait(30)
    assert engine.goes_on is not None
    engine.goes_on.set()
    first.join(30)
    second.join(30)
    assert engine.count == 1
    assert archives.missing([ANY]) == []


class _Waiting(FakeProgress):
    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def detail(self, text: str) -> None:
        self.heard.set()


def test_a_full_disk_is_told_and_holds_nothing_half_made(tmp_path: Path) -> None:
    require("mounts")
    script = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"'
    words = ["unshare", "-m", "sh", "-c", script, str(tmp_path), sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, check=True, timeout=60, capture_output=True, text=True)
    said, left = done.stdout.splitlines()
    assert "No space left on device" in said
    assert left == "['.lock']"
