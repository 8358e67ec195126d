"""One bottle CA and one CA of the world for all tests; sidecars and origins end with the test that made them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.egress.harness import Answer, Origin, Sidecar, TestCa

TOKEN = "sk-test-Zm9vYmFy+/0123456789"


@pytest.fixture(scope="session")
def bottle_ca() -> TestCa:
    return TestCa("bottle test CA")


@pytest.fixture(scope="session")
def world_ca() -> TestCa:
    return TestCa("world test CA")


@pytest.fixture
def make_origin(world_ca: TestCa) -> Iterator[Callable[..., Origin]]:
    """Makes TLS origins for the given names (a plain one without names)."""
    made: list[Origin] = []

    def make(*names: str, answer: Answer | None = None, **more: Any) -> Origin:
        origin = Origin(answer, tls=world_ca.issue(*names) if names else None, **more)
        made.append(origin)
        return origin

    yield make
    for origin in made:
        origin.close()


@pytest.fixture
def make_sidecar(tmp_path: Path, bottle_ca: TestCa, world_ca: TestCa) -> Iterator[Callable[..., Sidecar]]:
    """Starts sidecars that trust the world's CA. Every one has to end in order when told to."""
    made: list[Sidecar] = []

    def make(routes: list[dict[str, Any]], secrets: dict[str, str] | None = None, **fields: Any) -> Sidecar:
        sidecar = Sidecar(tmp_path / f"sidecar-{len(made)}", bottle_ca, world_ca.pem, **{"forked": True, **fields})
        made.append(sidecar)
        answer = sidecar.start(routes, secrets)
        assert answer == {"event": "ready", "version": 1}
        return sidecar

    yield make
    statuses = [sidecar.stop() for sidecar in made]
    assert statuses == [0] * len(made)
    for sidecar in made:
        said = (sidecar.directory / "stderr").read_text()
        assert said == "", said


MakeOrigin = Callable[..., Origin]
MakeSidecar = Callable[..., Sidecar]
