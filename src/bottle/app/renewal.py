"""A bottle that goes on in a box anew: on the image that its operator said yes to, with its workspace and its session.

Whoever tends the bottle does it when the agent has been ended; `Metadata.restart` says because of which proposal.
Nothing is lost: what cannot be taken out stays where it is, and what cannot be started gives way to what was before.
"""

from attrs import evolve, frozen

from bottle.app import proposals
from bottle.app.ending import roots_of, take_out
from bottle.app.ports import Bottle, World
from bottle.app.prepare import Prepared, Sources, images_of
from bottle.domain.errors import BottleError
from bottle.domain.plan import BottlePlan, PlannedRoute
from bottle.domain.provider import NEWEST
from bottle.domain.provision import GUEST_WORKSPACE
from bottle.domain.state import Metadata
from bottle.domain.supervise import LONGEST_WHY
from bottle.domain.taken_out import WORKSPACE, KeptArchive, Part

_MESSAGE = (
    "Your box was started anew because of your proposal {}: call `status` with that id to learn how it stands, and then"
    f" go on with your task. {GUEST_WORKSPACE} and this session are as they were; other files that you made are gone,"
    " and so are the programs that ran."
)


def is_wanted(world: World, identity: str) -> bool:
    """Whether the bottle is to go on in a box anew."""
    return bool(world.state.read(identity).restart)


def answered(world: World, number: str, fault: BottleError | None = None) -> None:
    """Tells the agent what became of a yes that was still to be carried out."""
    asked = proposals.find(world, number)
    if asked.decision is None or asked.decision.state != "approved":
        return
    decision = evolve(asked.decision, state="applied")
    if fault is not None:
        said = f"{fault}\n{fault.hint}" if fault.hint else str(fault)
        decision = evolve(decision, state="failed", reason=said[:LONGEST_WHY])
    proposals.tell(world, asked.proposal, decision)


@frozen
class Renewal:
    """One change of boxes. `before` is what ran until now, `metadata` what was asked for since."""

    world: World
    before: Prepared
    metadata: Metadata

    @property
    def message(self) -> str:
        """What the agent is told in the box that comes."""
        return _MESSAGE.format(self.metadata.restart)

    def in_the_same_box(self, session_id: str) -> Prepared:
        """The agent's program once more, with its session, where no box can take the place of the one that is there."""
        sources = self._sources(session_id)
        return evolve(self.before, plan=evolve(self.before.plan, argv=sources.plan().argv))

    def prepared(self, bottle: Bottle, session_id: str) -> Prepared:
        """The next box, with what was taken out of this one. Raises BottleError."""
        archives = self._taken_out(bottle)
        sources = self._sources(session_id, self.metadata.additions, archives)
        provider, manifest = sources.provider, sources.manifest
        settings = manifest.bottle_for(self.metadata.agent_name).agent_provider
        image, _ = images_of(self.before.backend, provider, settings, self.metadata.additions)
        plan = self._with_grants(evolve(sources, facts=evolve(sources.facts, image=image)).plan())
        return evolve(self.before, plan=plan, sources=sources, before=self.metadata)

    def on_the_image_before(self, prepared: Prepared) -> Prepared:
        """The next box, but for what was added to its image."""
        old = self.before.plan
        plan = evolve(prepared.plan, image=old.image, additions=old.additions)
        return evolve(prepared, plan=plan, before=evolve(self.metadata, restart=""))

    def ended(self, plan: BottlePlan, fault: BottleError | None) -> None:
        """Writes down what runs now; what it does not have because of a fault is told as failed."""
        now = self.world.state.read(self.metadata.identity)
        argv = tuple(word for word in plan.argv if word != self.message)  # who attaches later is not told again
        self.world.state.update(evolve(now, argv=argv, additions=plan.additions, restart=""))
        if fault is not None:
            answered(self.world, self.metadata.restart, fault)

    def keep_safe(self) -> None:
        """From now on `bottle resume` would find the workspace, should nothing else come of this."""
        now = self.world.state.read(self.metadata.identity)
        self.world.state.update(evolve(now, keep_workspace=True))

    def forget(self) -> None:
        """The workspace is in its box again: it is kept at the end alone, where that is wanted."""
        identity = self.metadata.identity
        if self.metadata.keep_workspace:
            return
        self.world.state.update(evolve(self.world.state.read(identity), keep_workspace=False))
        self.world.snapshots.drop(identity, "workspace")

    def _sources(
        self, session_id: str, additions: tuple[str, ...] = (), archives: tuple[KeptArchive, ...] = ()
    ) -> Sources:
        request = self.before.sources.request
        has_workspace = any(archive.part == "workspace" for archive in archives)
        request = evolve(
            request,
            archives=archives,
            workspace=None if has_workspace else request.workspace,
            commit=self.metadata.commit,
            additions=additions,
            session=(session_id or NEWEST) if self.metadata.transcript else None,
            message=self.message,
        )
        return evolve(self.before.sources, request=request)

    def _taken_out(self, bottle: Bottle) -> tuple[KeptArchive, ...]:
        """The agent's sessions and its workspace, whether or not that is kept at the end."""
        identity = self.metadata.identity
        roots: dict[Part, tuple[str, ...]] = {**roots_of(self.metadata), "workspace": (WORKSPACE,)}
        for part, paths in roots.items():
            take_out(self.world, bottle, part, paths)
        found = (self.world.snapshots.find(identity, part, paths) for part, paths in roots.items())
        return tuple(archive for archive in found if archive is not None)

    def _with_grants(self, plan: BottlePlan) -> BottlePlan:
        """What was granted for this bottle holds on, but for what holds for one request: nobody knows whether that was
        made."""
        grants = self.world.supervise.grants(plan.identity)
        now = self.world.clock.now().timestamp()
        granted = [
            PlannedRoute(route)
            for route in grants.policy(now).routes
            if route.grant is not None and not route.grant.once
        ]
        return evolve(plan, routes=(*plan.routes, *granted), scanning=grants.policy(now).scanning)
