"""What this host has and lacks for each backend and each agent, with the remedy."""

from collections.abc import Iterator, Sequence

from attrs import frozen

from bottle.app.ports import World
from bottle.app.prepare import Prepared, Wanted, prepare
from bottle.domain.errors import BottleError


@frozen
class Finding:
    """One thing that was looked at. `hint` is the remedy where it is not in order, or what would make it better."""

    topic: str
    subject: str
    ok: bool
    detail: str
    hint: str | None = None


def examine(world: World) -> Sequence[Finding]:
    """Everything, in the order in which it would be mended. Reads only; never raises BottleError."""
    return [*_backends(world), *_agents(world)]


def _backends(world: World) -> Iterator[Finding]:
    for name, backend in world.backends.items():
        survey = backend.survey()
        if not survey.usable:
            yield Finding("backend", name, False, survey.reason, survey.hint)
            continue
        facts = ", ".join(f"{fact} {value}" for fact, value in survey.facts.items())
        yield Finding("backend", name, True, facts or "answers")
        for wall in survey.walls:
            yield Finding("wall", wall.name, True, wall.how if wall.present else f"not on this host: {wall.how}")


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
    if prepared.survey.usable:
        yield from _images(name, prepared)


def _images(name: str, prepared: Prepared) -> Iterator[Finding]:
    try:
        missing = prepared.backend.missing((prepared.plan.sidecar_image, prepared.plan.image))
    except BottleError as error:
        yield Finding("image", name, False, str(error), error.hint)
        return
    for image in missing:
        yield Finding("image", name, True, f"{image.tag} will be made ready at the first start")
