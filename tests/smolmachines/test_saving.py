"""An image that is made into a file: whole or not at all, and what a killed process leaves of it is found."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bottle.adapters.bubblewrap.managed import alone
from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.smolmachines.archives import Archives
from bottle.adapters.smolmachines.backend import SmolmachinesBackend
from bottle.domain.errors import ProvisionError
from tests.support import bottles, smolmachines
from tests.support.requirements import require
from tests.support.secret_rules import shared_rules

ROOT = Path(__file__).parents[2]
DYING = """
import os, signal, sys
from pathlib import Path
from bottle.adapters.fake.progress import FakeProgress
from tests.smolmachines.test_saving import kept_at

class Dying(FakeProgress):
    def detail(self, text):
        if text.startswith(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

backend = kept_at(Path(sys.argv[1]))
backend.build(backend.images_for_tests, Dying())
"""


def kept_at(folder: Path) -> SmolmachinesBackend:
    """A backend that has no image yet."""
    env = smolmachines.environ(folder)
    engine = bottles.docker_backend("tests:images")
    archives = Archives(folder / "archives", lambda: engine)
    return SmolmachinesBackend(owner=f"tests:{folder.name}", environ=env, archives=archives, rules=shared_rules())
