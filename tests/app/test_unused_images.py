"""Images that no manifest asks for: shown, removed by name, and never one that a start would use."""

import pytest

from bottle.app.ports import Survey
from bottle.app.start import run_attached
from bottle.app.unused_images import discard_images, unused_images
from bottle.domain.errors import BackendError, NotFoundError
from tests.app.conftest import Stage
from tests.support.flaky import flaky

OLD = "bot-bottle-claude:0123456789ab"


def test_what_a_start_would_use_is_no_leftover(stage: Stage) -> None:
    run_attached(stage.world, stage.prepared())
    used = set(stage.backend.engine.images)
    stage.backend.engine.images.add(OLD)
    found = unused_images(stage.world)
    assert [(image.kind, image.identity, image.name) for image in found] == [("image", "", OLD)]
    assert discard_images(stage.world, found) == [OLD]
    assert stage.backend.engine.images == used


def test_an_image_that_went_meanwhile_is_no_failure(stage: Stage) -> None:
    run_attached(stage.world, stage.prepared())
    used = set(stage.backend.engine.images)
    stage.backend.engine.images.add(OLD)
    (found,) = unused_images(stage.world)
    stage.backend.engine.images.discard(OLD)
    assert discard_images(stage.world, [found]) == []
    assert stage.backend.engine.images == used


def test_an_agent_without_an_image_here_uses_none(stage: Stage) -> None:
    """A plugin that only runs elsewhere is no reason to fail; and where nothing is to go, nobody is asked."""
    stage.backend.engine.images.add(OLD)
    lacking = flaky(stage.backend, "images", NotFoundError("there is no image called 'sh'"), after=False)
    world = stage.with_faults(backend=lacking)
    assert [image.name for image in unused_images(world)] == [OLD]
    assert discard_images(world, ()) == []


def test_a_backend_that_does_not_answer_has_none(stage: Stage) -> None:
    stage.backend.engine.images.add(OLD)
    stage.backend.found = Survey(usable=False, reason="no engine answers")
    assert unused_images(stage.world) == []


def test_one_that_will_not_go_is_told(stage: Stage) -> None:
    stage.backend.engine.images.add(OLD)
    stuck = flaky(stage.backend, "discard", BackendError("a container needs it"), after=False)
    with pytest.raises(BackendError, match="a container needs it"):
        discard_images(stage.with_faults(backend=stuck), unused_images(stage.world))


def test_a_stranger_is_not_discarded(stage: Stage) -> None:
    with pytest.raises(NotFoundError):
        stage.backend.discard("debian:bookworm-slim")
