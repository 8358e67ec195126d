"""Which backend is taken on a machine without an engine, and that it is always said."""

import pytest

from tests.cli.conftest import CommandLine
from tests.support.requirements import require

MANIFEST = "---\nagent_provider: {template: claude}\nbackend: docker\n---\n"


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    require("bubblewrap")


def test_the_embedded_one_where_nobody_names_one(bottle: CommandLine) -> None:
    told = bottle("start", "coder", "--dry-run")
    assert told.status == 0
    assert "walls       bubblewrap" in told.out
    assert "NO kernel" in told.out
    assert bottle("start", "coder", "--dry-run", "--json").json["backend"] == "bubblewrap"


@pytest.mark.parametrize("how", ["flag", "variable", "manifest"])
def test_one_that_is_named_is_taken_or_is_an_error(bottle: CommandLine, how: str) -> None:
    arguments = ["--backend", "docker"] if how == "flag" else []
    environment = {"BOT_BOTTLE_BACKEND": "docker"} if how == "variable" else {}
    if how == "manifest":
        bottle.write("bottles/claude", MANIFEST)
    told = bottle("start", "coder", "--yes", *arguments, **environment)
    assert told.status == 105
    assert "bottle: error: docker: no Docker engine answers" in told.err
    assert "hint: " in told.err
    assert bottle("list", "--all", "--json").json == []


def test_the_flag_goes_before_the_variable_and_the_variable_before_the_manifest(bottle: CommandLine) -> None:
    bottle.write("bottles/claude", MANIFEST)
    chosen = {"BOT_BOTTLE_BACKEND": "bubblewrap"}
    assert bottle("info", "coder", "--json").json["backend"] == "docker"
    assert bottle("info", "coder", "--json", **chosen).json["backend"] == "bubblewrap"
    told = bottle("start", "coder", "--dry-run", "--json", "--backend", "docker", **chosen)
    assert told.json["backend"] == "docker"


def test_an_image_has_no_use_there_and_that_is_said(bottle: CommandLine) -> None:
    told = bottle("start", "coder", "--yes", BOT_BOTTLE_IMAGE="mine:1", BOT_BOTTLE_BACKEND="bubblewrap")
    assert told.status == 102
    assert "BOT_BOTTLE_IMAGE" in told.err
    assert "docker" in told.err
