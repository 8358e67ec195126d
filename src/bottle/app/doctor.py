"""What this host has and lacks for each backend and each agent, with the remedy."""

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from bottle.app.ports import World
from bottle.app.prepare import Prepared, Wanted, prepare
from bottle.domain.errors import BottleError

_SOUND_GVISOR: Final = "20240101"
"""What was seen of older ones, Debian 12's among them."""
_WHEN: Final = "will be made ready at the first start"


@frozen
class Finding:
    """One thing that was looked at. `hint` is the remedy where it is not in order, or what would make it better.
    `absent` is what this host does without: a wall that it cannot have, a backend beside one that works."""

    topic: str
    subject: str
    ok: bool
    detail: str
    hint: str | None = None
    absent: bool = False


def examine(world: World, gvisor: str = "") -> Sequence[Finding]:
    """Everything, in the order in which it would be mended. `gvisor` is the day of this host's release, if it has any.

    Reads only; never raises BottleError.
    """
    return [*_backends(world), *_gvisor(gvisor), *_agents(world)]


def _gvisor(release: str) -> Iterator[Finding]:
    """An old one is a wall like any other, but agents may stand still behind it."""
    if not release:
        return
    if release >= _SOUND_GVISOR:
        yield Finding("program", "gvisor", True, f"release {release}")
        return
    fault = f"release {release} loses the end of a child process now and then: Codex may wait for it without end"
    yield Finding("program", "gvisor", True, fault, "install a release of 2024 or later and restart the engine")


def _backends(world: World) -> Iterator[Finding]:
    surveys = {name: backend.survey() for name, backend in world.backends.items()}
    enough = any(survey.usable for survey in surveys.values())
    for name, survey in surveys.items():
        if not survey.usable:
            yield Finding("backend", name, False, survey.reason, survey.hint, absent=enough)
            continue
        facts = ", ".join(f"{fact} {value}" for fact, value in survey.facts.items())
        yield Finding("backend", name, True, facts or "answers")
        for note in survey.notes:
            yield Finding("note", name, True, note)
        for wall in survey.walls:
            how = wall.how if wall.present else f"not on this host: {wall.how}"
            yield Finding("wall", wall.name, True, how, absent=not wall.present)


def _agents(world: World) -> Iterator[Finding]:
    names = world.manifests.agent_names()
    if not names:
        yield Finding("agent", "-", False, "no agent is defined", "`bottle init` writes a first one")
    for name in names:
        try:
            prepared = prepare(world, Wanted(name))
        except BottleError as error:
            yield Finding("agent", name, False, str(error), error.hint)
        else:
            yield from _agent(name, prepared)
    for warning in world.manifests.warnings():
        yield Finding("manifest", "-", True, warning)


def _agent(name: str, prepared: Prepared) -> Iterator[Finding]:
    missing = prepared.plan.missing_secrets
    if missing:
        yield Finding("agent", name, False, f"not set: {', '.join(missing)}", f"export {missing[0]}=...")
    elif prepared.faults:
        yield from (Finding("agent", name, False, str(fault), fault.hint) for fault in prepared.faults)
    elif not prepared.survey.usable:
        reason = f"{prepared.plan.backend} cannot be used: {prepared.survey.reason}"
        yield Finding("agent", name, False, reason, prepared.survey.hint)
    else:
        yield Finding("agent", name, True, f"{prepared.plan.provider} on {prepared.plan.backend}, every secret is set")
        yield from (
            Finding("note", name, True, note) for note in prepared.plan.notes if note not in prepared.survey.notes
        )
    if prepared.survey.usable:
        yield from _images(name, prepared)


def _images(name: str, prepared: Prepared) -> Iterator[Finding]:
    images = (prepared.plan.image, prepared.plan.sidecar_image)
    try:
        missing = prepared.backend.missing(images)
    except BottleError as error:
        yield Finding("image", name, False, str(error), error.hint)
        return
    for image in images:
        what = f"{image.tag} ({image.release})" if image.release else image.tag
        yield Finding("image", name, True, f"{what} {_WHEN if image in missing else 'is there'}")
