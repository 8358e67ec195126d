"""What a host lacks, and what it merely does without."""

from collections.abc import Mapping, Sequence

import pytest
from attrs import evolve

from bottle.adapters.fake.backend import FakeBackend
from bottle.app.doctor import Finding, examine
from bottle.app.ports import Backend, Survey
from bottle.cli.render import finding_table
from bottle.domain.backends import BackendName
from bottle.domain.plan import Wall

from .conftest import Stage

WORKS = Survey(usable=True, walls=(Wall("names", "nobody answers"), Wall("kernel", "its own", present=False)))
FAILS = Survey(usable=False, reason="no engine answers", hint="start it")


def findings(stage: Stage, docker: Survey, bubblewrap: Survey) -> Sequence[Finding]:
    backends: Mapping[BackendName, Backend] = {
        "docker": FakeBackend(found=docker),
        "bubblewrap": FakeBackend(found=bubblewrap, name="bubblewrap"),
    }
    return examine(evolve(stage.world, backends=backends))


def standings(found: Sequence[Finding], topic: str) -> dict[str, str]:
    """The first word of each line about a topic, by what the line is about."""
    lines = [line.split() for line in finding_table(found).splitlines()]
    return {line[2]: line[0] for line in lines if line[1] == topic}


@pytest.mark.parametrize(
    ("docker", "bubblewrap", "expected"),
    [
        (WORKS, FAILS, {"docker": "ok", "bubblewrap": "absent"}),
        (FAILS, WORKS, {"docker": "absent", "bubblewrap": "ok"}),
        (FAILS, FAILS, {"docker": "MISSING", "bubblewrap": "MISSING"}),
        (WORKS, WORKS, {"docker": "ok", "bubblewrap": "ok"}),
    ],
)
def test_one_backend_is_enough(stage: Stage, docker: Survey, bubblewrap: Survey, expected: dict[str, str]) -> None:
    """Another one is absent, and no fault; where none works, each is what could be mended."""
    found = findings(stage, docker, bubblewrap)
    assert standings(found, "backend") == expected
    assert [one.ok for one in found if one.topic == "backend"] == [word == "ok" for word in expected.values()]


def test_a_wall_that_this_host_cannot_have_is_not_called_in_order(stage: Stage) -> None:
    assert standings(findings(stage, WORKS, FAILS), "wall") == {"names": "ok", "kernel": "absent"}
