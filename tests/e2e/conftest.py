"""One world on each backend for all tests of a real agent in real bottles."""

import json
from collections.abc import Iterator

import pytest

from tests.support.bottle_cli import Done
from tests.support.bottles import building
from tests.support.box_views import engine
from tests.support.demo_world import AGENT, TASK, World, world
from tests.support.namespace_views import namespaces
from tests.support.requirements import require, required
from tests.support.views import Views

PROMPT = ("-p", TASK, "--output-format", "json")
NO_IMAGE = 108
"""The exit status of a start whose image could not be built (docs/exit-status.md)."""


@pytest.fixture(scope="session", params=["docker", "bubblewrap"])
def views(request: pytest.FixtureRequest) -> Iterator[Views]:
    require(request.param)
    found: Views | str = {"docker": engine, "bubblewrap": namespaces}[request.param]()
    assert not isinstance(found, str), found
    yield found
    found.close()


@pytest.fixture(scope="session")
def here(views: Views, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(views, tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture(scope="session")
def attached(here: World) -> Done:
    """A task given on the command line, from `bottle start` to its end; the images are there after it."""
    return first_start(here, "--", *PROMPT)


@pytest.fixture(scope="session")
def bottle(here: World, attached: Done) -> Iterator[str]:
    """A bottle that was left running, in which the agent has done the task."""
    identity = start_detached(here)
    here.inside(identity, "claude", "--dangerously-skip-permissions", *PROMPT, timeout=120).ok()
    yield identity
    here.cli.run("stop", identity)


@pytest.fixture(scope="module")
def untouched(here: World) -> Iterator[str]:
    """A bottle that runs, in which no agent has worked; the images are there after it."""
    identity: str = json.loads(first_start(here, "--detach", "--json").ok().stdout)["identity"]
    yield identity
    here.cli.run("stop", identity)


def first_start(here: World, *arguments: str) -> Done:
    """One that builds what is missing. Skips the test where that cannot be had."""
    with building():
        done = here.cli.run("start", AGENT, "--yes", *arguments, timeout=1800)
    if done.status == NO_IMAGE and "claude" not in required():
        pytest.skip(f"the agent's program cannot be had here: {done.stderr.strip().splitlines()[-1]}")
    return done


def start_detached(here: World) -> str:
    """The identity of a new bottle."""
    started = here.cli.run("start", AGENT, "--yes", "--detach", "--json").ok()
    identity: str = json.loads(started.stdout)["identity"]
    return identity
