"""What the sidecar holds is nowhere in the box, and nowhere that the engine writes to disk."""

import json
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from bottle.adapters.docker.names import Names
from bottle.domain.egress import Injection, Route
from bottle.domain.hosts import HostPattern
from bottle.domain.plan import PlannedRoute
from tests.support import bottles
from tests.support.requirements import require
from tests.walls.conftest import Box, describe

TOKEN = "sk-walls-0123456789abcdef"
PROMPTED = "prompted-9876543210fedcba"


@pytest.fixture(scope="module")
def holding() -> Iterator[Box]:
    """A box whose sidecar holds a token, and whose agent was given a prompted value."""
    require("docker")
    backend = bottles.docker_backend("secrets")
    route = Route(HostPattern("api.example.com"), inject=Injection("authorization", "Bearer", "EGRESS_TOKEN_0"))
    plan = bottles.a_plan(bottles.images_for_tests(), routes=[PlannedRoute(route)], host_env=["GIVEN"])
    cargo = bottles.a_cargo(env={"GIVEN": PROMPTED}, secrets={"EGRESS_TOKEN_0": TOKEN})
    with bottles.launched(backend, plan, cargo) as bottle:
        yield describe(bottle, backend, "runc")


@pytest.mark.parametrize("which", ["box", "sidecar"])
def test_the_engine_keeps_no_value_in_a_containers_configuration(holding: Box, which: str) -> None:
    names = Names(holding.bottle.identity)
    client: Any = docker.APIClient()
    try:
        kept = json.dumps(client.inspect_container(names.box if which == "box" else names.sidecar))
        logged = client.logs(names.box if which == "box" else names.sidecar)
    finally:
        client.close()
    for value in (TOKEN, PROMPTED):
        assert value not in kept
        assert value.encode() not in logged


def test_the_withheld_value_is_nowhere_in_the_box(holding: Box) -> None:
    found = holding.shell(
        f"grep -rsl {TOKEN[:14]}'{TOKEN[14:]}' /home /etc /run /tmp /var /dev/shm /proc/*/environ 2>/dev/null; env"
    )
    assert TOKEN not in found
    assert [line for line in found.splitlines() if line.startswith("/")] == []


def test_the_given_value_is_in_memory_alone(holding: Box) -> None:
    """In a tmpfs that only the agent reads, and in the environment of what it runs."""
    assert holding.shell("stat -c '%a %U' /run/bottle/env").split() == ["400", "node"]
    assert holding.shell("stat -f -c %T /run/bottle").strip() == "tmpfs"
    assert holding.bottle.run(["printenv", "GIVEN"]).stdout.decode().strip() == PROMPTED


def test_no_private_key_of_a_leaf_in_the_box(holding: Box) -> None:
    said = holding.shell("grep -rsl 'PRIVATE KEY' /home /etc /run /tmp /var /usr/local 2>/dev/null").split()
    assert [path for path in said if not path.startswith("/usr/local/lib/python")] == []
