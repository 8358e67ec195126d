"""Machines for tests: those of a double of `smolvm`, or of the real one where BOTTLE_SMOLVM=real asks for it."""

import os
import shutil
import sys
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

from bottle.adapters import build_context
from bottle.adapters.bubblewrap import ground
from bottle.adapters.bubblewrap.ground import Unfit
from bottle.adapters.bubblewrap.programs import SIDECARS
from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.smolmachines.archives import Archives
from bottle.adapters.smolmachines.backend import SmolmachinesBackend
from bottle.adapters.smolmachines.places import Look
from bottle.domain.plan import Image
from tests.support import bottles
from tests.support.secret_rules import shared_rules

_ROOT = Path(__file__).parents[2]
_BUILD = _ROOT / "build" / "machines"


def is_real() -> bool:
    """Whether the operator wants the tests to run on the real program."""
    return os.environ.get("BOTTLE_SMOLVM") == "real"


def lack() -> str | None:
    """Why no machine can be had here; None where one can."""
    if is_real():
        return None if shutil.which("smolvm") else "no program smolvm is on the PATH"
    if os.geteuid():
        return "the double of smolvm mounts file systems, as root"
    return None if shutil.which("nsenter") else "no program nsenter is on the PATH"


@cache
def installed() -> Path:
    """A directory for the PATH that has the double as `smolvm`."""
    folder = _BUILD / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    line = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from tests.support.smolvm.program import main; main()"
    new = folder / f"new-{os.getpid()}"  # other processes may call it meanwhile
    new.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S -c "{line}" "$@"\n')
    new.chmod(0o755)
    new.replace(folder / "smolvm")
    return folder


def variables(data: Path) -> Mapping[str, str]:
    """What an environment needs for a `smolvm` whose state is below `data`."""
    if is_real():
        return {}
    images = {"SMOLVM_DOUBLE_IMAGES": str(_BUILD / "unpacked")}
    return {"PATH": f"{installed()}:{os.environ['PATH']}", "SMOLVM_DATA_DIR": str(data), **images}


def environ(data: Path, **changed: str) -> Mapping[str, str]:
    """This process's environment with that."""
    return {**os.environ, **variables(data), **changed}


def lend(home: Path) -> None:
    """Gives a home of bottle's the images that are at hand, as its first start would."""
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "machines").symlink_to(_BUILD / "archives")


def backend(owner: str, data: Path, place: str = "processes", **changed: str) -> SmolmachinesBackend:
    """A backend with the small box's image at hand, whose sidecars are "processes" or in "containers"."""
    env = environ(data, **changed)
    look: Look = ground.survey if place == "processes" else _look_at_nothing
    return SmolmachinesBackend(owner=owner, environ=env, archives=_archives(env), rules=shared_rules(), look=look)


def _look_at_nothing(_: Mapping[str, str]) -> Unfit:
    return Unfit("no bwrap here", "install bubblewrap")


def archive_of(image: Image) -> Path:
    """What a machine is made from."""
    return _archives(os.environ).of(image).image


def _archives(env: Mapping[str, str]) -> Archives:
    return Archives(_BUILD / "archives", cache(partial(bottles.docker_backend, "tests:images", environ=env)))


@cache
def images_for_tests() -> tuple[Image, Image]:
    """The small box for tests, saved if it is missing, and what stands for the sidecars."""
    engine = bottles.docker_backend("tests:images")
    box = engine._known(build_context.custom("test-box", bottles.BOX_RECIPE))
    archives = Archives(_BUILD / "archives", lambda: engine)
    if archives.missing([box]):
        archives.make(box, FakeProgress(), "tests:images")
    return box, SIDECARS


def images_in(place: str) -> tuple[Image, Image]:
    """The same, where sidecars are "processes" or in "containers"."""
    box, programs = images_for_tests()
    return box, programs if place == "processes" else bottles.images_for_tests()[1]
