"""A yes to what an agent's image lacks: that is built while the bottle works on, and then the bottle goes on in it.

The launcher that tends the bottle changes boxes, for it has the secrets and the terminal; where none does, we do.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import evolve

from bottle.app import inventory, proposals
from bottle.app.ports import Backend, ManifestEdit, World
from bottle.app.prepare import images_of, require_ready
from bottle.app.renewal import answered
from bottle.app.resume import prepare_as_it_runs
from bottle.app.start import renew_untended
from bottle.domain.errors import BackendError, BottleError
from bottle.domain.fragments import instructions
from bottle.domain.manifest import effective
from bottle.domain.plan import Image
from bottle.domain.state import Metadata
from bottle.domain.supervise import Asked, Decision, Proposal


def require_possible(world: World, identity: str, fragment: str) -> None:
    """Raises UsageError where the backend builds no images, NotFoundError for a bottle that does not run, and what
    keeps us from changing its box where nobody else tends it."""
    inventory.find(world, identity)
    metadata = world.state.read(identity)
    _image(world, metadata, fragment)
    if not world.state.held(identity):
        require_ready(prepare_as_it_runs(world, metadata))


def carry_out(world: World, proposal: Proposal, fragment: str, edit: ManifestEdit | None) -> Decision:
    """Builds the image, keeps it in the operator's file where that is wanted, and has the bottle go on in it. What
    fails is told, and the bottle goes on as it is.

    The answer is `approved` where a launcher is about to do the rest, which it tells by itself.
    """
    identity = proposal.identity
    with _failures_told(world, proposal.id):
        backend, image = _image(world, world.state.read(identity), fragment)
        for missing in backend.missing([image]):
            world.progress.step(f"building what {proposal.id} asks for")
            backend.build(missing, world.progress)
        if edit is not None:
            world.home_manifests.write(edit)
        _hand_over(world, proposal, fragment)
    decision = proposals.find(world, proposal.id).decision
    assert decision is not None  # noqa: S101 - it was told before this was called
    return decision


def is_handed_over(world: World, asked: Asked) -> bool:
    """Whether a launcher still has to do its part. Where it has not come to that, a yes may be said again: whoever
    built may be gone, and building twice does no harm."""
    proposal, decision = asked.proposal, asked.decision
    is_to_do = decision is not None and decision.state == "approved"
    return is_to_do and world.state.held(proposal.identity) and world.state.read(proposal.identity).restart != ""


def _image(world: World, metadata: Metadata, fragment: str) -> tuple[Backend, Image]:
    """What the bottle is to run on, as its launcher will see it."""
    backend = world.backends[metadata.backend]
    settings = effective(world.manifests.load_all().bottles, metadata.bottle).agent_provider
    image, _ = images_of(
        backend, world.providers.get(settings.template), settings, (*metadata.additions, *instructions(fragment))
    )
    return backend, image


def _hand_over(world: World, proposal: Proposal, fragment: str) -> None:
    """Writes down what is wanted and ends the agent: whoever tends the bottle then sees that, and does it."""
    identity = proposal.identity
    with world.supervise.deciding(identity):
        decision = proposals.find(world, proposal.id).decision
        if decision is None or decision.state != "approved":
            return  # another operator was faster
        bottle = inventory.find(world, identity)
        if bottle.run(["sh", "-c", "command -v tar"]).status:
            raise BackendError("the box cannot pack its workspace", hint="its image needs a `tar`")
        with world.state.ending(identity):
            metadata = world.state.read(identity)
            additions = tuple(dict.fromkeys((*metadata.additions, *instructions(fragment))))
            world.state.update(evolve(metadata, additions=additions, restart=proposal.id))
        is_tended = world.state.held(identity)
        try:
            bottle.end_agent()
        except BackendError:
            if not is_tended:  # its launcher may have taken the box away already
                raise
    if not is_tended:
        renew_untended(world, prepare_as_it_runs(world, metadata), bottle)


@contextmanager
def _failures_told(world: World, number: str) -> Iterator[None]:
    """Whatever ends it early, an interruption too, is the answer that the agent gets."""
    try:
        yield
    except BottleError as error:
        answered(world, number, error)
    except BaseException:
        answered(world, number, BackendError("it was broken off"))
        raise
