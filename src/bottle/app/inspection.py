"""Everything about one bottle, for somebody who looks closely."""

from attrs import frozen

from bottle.app import proposals
from bottle.app.ports import World
from bottle.app.prepare import Wanted, prepare
from bottle.domain.egress import Policy
from bottle.domain.errors import BottleError, NotFoundError
from bottle.domain.plan import BottlePlan
from bottle.domain.state import Metadata
from bottle.domain.supervise import Asked, State
from bottle.domain.traffic import Traffic, traffic_of


@frozen
class Inspection:
    """What is known of a bottle.

    `plan` is what its agent's manifests come to now, which need not be what they came to at its start; None where they
    cannot be read, and `fault` says why. `policy` is what the way out judges by, known of a supervised bottle alone.
    """

    metadata: Metadata
    traffic: Traffic
    asked: tuple[tuple[Asked, State], ...] = ()
    policy: Policy | None = None
    plan: BottlePlan | None = None
    fault: BottleError | None = None


def inspect(world: World, identity: str) -> Inspection:
    """Looks at everything. Raises NotFoundError for an unknown bottle, ConflictError for one whose state is damaged."""
    asked = proposals.proposals(world, identity)
    metadata = world.state.read(identity)
    plan, fault = _plan(world, metadata)
    return Inspection(
        metadata=metadata,
        traffic=traffic_of(world.state.audit_lines(identity)),
        asked=tuple((one, proposals.state_of(world, one)) for one in asked),
        policy=_policy(world, identity),
        plan=plan,
        fault=fault,
    )


def _plan(world: World, metadata: Metadata) -> tuple[BottlePlan | None, BottleError | None]:
    try:
        return prepare(world, Wanted(metadata.agent_name, metadata.backend)).plan, None
    except BottleError as error:
        return None, error


def _policy(world: World, identity: str) -> Policy | None:
    try:
        return world.supervise.grants(identity).policy(world.clock.now().timestamp())
    except NotFoundError:
        return None
