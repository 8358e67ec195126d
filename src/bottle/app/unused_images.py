"""Images that no manifest asks for any more: found by what a start of each agent would use, and removed by name."""

from collections.abc import Sequence
from contextlib import suppress

from bottle.app.ports import Backend, World
from bottle.app.prepare import images_of
from bottle.domain.errors import BottleError, NotFoundError, UsageError
from bottle.domain.state import Leftover


def unused_images(world: World) -> Sequence[Leftover]:
    """Those of every backend that answers. Raises ManifestError where a manifest cannot be read: what it asks for could
    not be told from what nobody asks for."""
    return [Leftover("", "image", tag) for backend in _usable(world) for tag in backend.unused(_used(world, backend))]


def discard_images(world: World, images: Sequence[Leftover]) -> Sequence[str]:
    """Removes those that still are unused, and names them. Tries all; raises the first BottleError at the end."""
    if not images:
        return []
    wanted, gone = {image.name for image in images}, list[str]()
    failures: list[BottleError] = []
    for backend in _usable(world):
        for tag in backend.unused(_used(world, backend)):
            try:
                if tag in wanted:
                    backend.discard(tag)
                    gone.append(tag)
            except BottleError as error:
                failures.append(error)
    if failures:
        raise failures[0]
    return gone


def _usable(world: World) -> Sequence[Backend]:
    return [backend for backend in world.backends.values() if backend.survey().usable]


def _used(world: World, backend: Backend) -> set[str]:
    """The tags that some agent's start would use here; an agent that has no image in this backend uses none."""
    manifest = world.manifests.load_all()
    used: set[str] = set()
    for agent in world.manifests.agent_names():
        settings = manifest.bottle_for(agent).agent_provider
        with suppress(NotFoundError, UsageError):
            provider = world.providers.get(settings.template)
            used |= {image.tag for image in backend.images(provider, settings.dockerfile)}
            used |= {image.tag for image in images_of(backend, provider, settings)}
    return used
