"""The promises of the port `Manifests`, kept by the files and by the fake."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bottle.adapters.fake.manifests import FakeManifests
from bottle.adapters.manifests.store import ManifestFiles
from bottle.app.ports import Manifests
from bottle.domain.errors import ManifestError, NotFoundError

Shelf = Callable[[dict[str, str], dict[str, str]], Manifests]

DEV = {"dev": "extends: base\nenv:\n  LEVEL: debug", "base": "agent_provider:\n  template: claude"}


def in_files(tmp_path: Path, bottles: dict[str, str], agents: dict[str, str]) -> Manifests:
    for folder, said in (("bottles", bottles), ("agents", agents)):
        (tmp_path / folder).mkdir()
        for name, head in said.items():
            (tmp_path / folder / f"{name}.md").write_text(f"---\n{head}\n---\nBe brief.\n", encoding="utf-8")
    return ManifestFiles(tmp_path, None)


def in_memory(tmp_path: Path, bottles: dict[str, str], agents: dict[str, str]) -> Manifests:
    return FakeManifests(
        {
            "bottles": {name: as_data(head) for name, head in bottles.items()},
            "agents": {name: {**as_data(head), "prompt": "Be brief.\n"} for name, head in agents.items()},
        }
    )


def as_data(head: str) -> dict[str, Any]:
    """`key: value` lines as plain values, with one level of indented ones below a bare `key:`."""
    data: dict[str, Any] = {}
    for line in head.splitlines():
        key, _, value = line.partition(":")
        if line.startswith("  "):
            data[next(reversed(data))][key.strip()] = value.strip()
        else:
            data[key] = value.strip() or {}
    return data


@pytest.fixture(params=[in_files, in_memory], ids=["files", "fake"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return lambda bottles, agents: request.param(tmp_path, bottles, agents)


def test_names_are_sorted_and_hold_the_broken_too(shelf: Shelf) -> None:
    manifests = shelf(DEV, {"zoe": "bottle: dev", "abe": "bottel: dev"})
    assert list(manifests.agent_names()) == ["abe", "zoe"]


def test_load_gives_the_agent_and_its_chain_and_nothing_else(shelf: Shelf) -> None:
    manifest = shelf({**DEV, "other": "supervise: 1"}, {"helper": "bottle: dev", "abe": "bottle: gone"}).load("helper")
    assert list(manifest.agents) == ["helper"]
    assert set(manifest.bottles) == {"dev", "base"}
    assert manifest.agent("helper").prompt == "Be brief."
    assert manifest.bottle_for("helper").chain == ("dev", "base")


def test_an_agent_that_is_not_there_is_not_found_with_the_nearest_name(shelf: Shelf) -> None:
    with pytest.raises(NotFoundError) as caught:
        shelf(DEV, {"helper": "bottle: dev"}).load("helpr")
    assert caught.value.hint == "did you mean 'helper'?"


@pytest.mark.parametrize(
    ("bottles", "agent", "says"),
    [
        (DEV, "bottel: dev", "bottel: unknown key"),
        (DEV, "skills: x\nbottle: dev", "skills: found a text"),
        (DEV, "bottle: gone", "bottle: no bottle is called 'gone'"),
        ({"dev": "extends: gone"}, "bottle: dev", "extends: no bottle is called 'gone'"),
        ({"dev": "extends: dev"}, "bottle: dev", "circle (dev -> dev)"),
        ({"dev": "env:\n  A: x"}, "bottle: dev", "agent_provider: neither"),
        ({"dev": "extends: base", "base": "egres: x"}, "bottle: dev", "egres: unknown key"),
    ],
)
def test_what_is_broken_is_a_manifest_error_of_the_agent_that_needs_it(
    shelf: Shelf, bottles: dict[str, str], agent: str, says: str
) -> None:
    manifests = shelf({**bottles, "fine": DEV["base"]}, {"helper": agent, "other": "bottle: fine"})
    with pytest.raises(ManifestError) as caught:
        manifests.load("helper")
    assert says in str(caught.value)
    assert manifests.load("other").bottle_for("other").name == "fine"


def test_load_all_gives_everything(shelf: Shelf) -> None:
    manifest = shelf(DEV, {"helper": "bottle: dev", "abe": "bottle: base"}).load_all()
    assert (set(manifest.agents), set(manifest.bottles)) == ({"helper", "abe"}, {"dev", "base"})


def test_load_all_reports_every_broken_one_at_once(shelf: Shelf) -> None:
    manifests = shelf({**DEV, "bad": "egres: x"}, {"helper": "bottle: dev", "abe": "bottel: x"})
    with pytest.raises(ManifestError) as caught:
        manifests.load_all()
    report = f"{caught.value}\n{caught.value.hint}"
    assert "egres: unknown key" in report
    assert "bottel: unknown key" in report


def test_nothing_passed_over_means_no_warnings(shelf: Shelf) -> None:
    manifests = shelf(DEV, {"helper": "bottle: dev"})
    manifests.load("helper")
    assert list(manifests.warnings()) == []
