"""One run of a bottle from its start to its end, through as many boxes as its operator wants."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from attrs import define, evolve, field, frozen

from bottle.app.cargo import cargo_of
from bottle.app.deploy_keys import issue_deploy_keys, withdraw_deploy_keys
from bottle.app.ending import end_bottle
from bottle.app.ports import Backend, Bottle, Cargo, Heard, Rooms, World
from bottle.app.prepare import Prepared
from bottle.app.renewal import Renewal, answered, is_wanted
from bottle.app.seeds import planted
from bottle.domain.errors import BackendError, BottleError, ConflictError, TimeIsUpError
from bottle.domain.plan import BottlePlan
from bottle.domain.provision import GUEST_WORKSPACE
from bottle.domain.state import Event, Metadata
from bottle.domain.supervise import first_grants
from bottle.domain.taken_out import WORKSPACE

Result = TypeVar("Result")


@frozen
class Task:
    """What an agent is to do by itself: the text for its standard input, how many seconds it has, who hears what it
    says, and how the session's id is read from that when it has ended."""

    text: str
    seconds: float
    heard: Heard
    session_id: Callable[[], str]


def surely(work: Callable[[], Result], end: Callable[[], None]) -> Result:
    """Does the work and then ends it, also when the one interruption that there is strikes while the end begins."""
    try:
        try:
            return work()
        finally:
            end()
    except KeyboardInterrupt:
        end()
        raise


@define
class Session:
    """One start with its end, and how far it came."""

    world: World
    prepared: Prepared
    claimed: bool = False
    bottle: Bottle | None = None
    """The bottle that was handed over. It is held on to until the end: some end with the process that holds them."""
    left_running: bool = False
    status: int | None = None
    session_id: str = ""
    cargo: Cargo | None = None
    """What the last launch had."""
    holding: ExitStack = field(factory=ExitStack, init=False)
    """The identity, from the claim until this is left."""

    @property
    def plan(self) -> BottlePlan:
        return self.prepared.plan

    @property
    def backend(self) -> Backend:
        return self.prepared.backend

    def attached(self) -> int:
        """The whole of an attached run, up to its end."""
        status = self._begun().attach(self.plan.argv)
        while is_wanted(self.world, self.plan.identity):
            status = self._renewed().attach(self.plan.argv)
        self.status = status
        return status

    def headless(self, task: Task) -> int | None:
        """The whole of a run without a terminal, up to its end."""
        began = self.world.clock.passed()
        self.status = self._worked(self._begun(), task)
        while self.status is not None and is_wanted(self.world, self.plan.identity):
            bottle = self._renewed()
            left = task.seconds - (self.world.clock.passed() - began)
            text = self.prepared.sources.request.message
            self.status = self._worked(bottle, evolve(task, text=text, seconds=max(left, 1.0)))
        return self.status

    def _worked(self, bottle: Bottle, task: Task) -> int | None:
        """The status of the agent that has done its task; None where time was up."""
        try:
            return bottle.run(self.plan.argv, stdin=task.text.encode(), timeout=task.seconds, heard=task.heard).status
        except TimeIsUpError:
            self.world.progress.step(f"the agent did not end within {task.seconds:g} seconds")
            return None
        finally:
            self.session_id = task.session_id()

    def detached(self) -> Bottle:
        """The whole of a detached start."""
        bottle = self._begun()
        self.world.state.update(evolve(self.world.state.read(self.plan.identity), detached=True))
        bottle.leave()
        self.left_running = True
        return bottle

    def left_renewed(self) -> None:
        """A bottle that was left running, in its next box."""
        self._renewed().leave()
        self.left_running = True

    def end_unless_detached(self) -> None:
        """Ends what did not become a detached bottle."""
        if not self.left_running:
            self.end()

    def end(self) -> None:
        """Removes the bottle. What ran keeps its evidence; what never did keeps what was there before. Done once: the
        identity may be somebody else's as soon as it is not held any more."""
        if not self.claimed:
            return
        with self.world.interruptions.shielded():
            if self.bottle is None:
                self._undo()
            else:
                self._end_what_ran()
            self.claimed = False

    def _end_what_ran(self) -> None:
        identity = self.plan.identity
        try:
            with self.world.state.ending(identity, wait=True):
                end_bottle(self.world, self.backend, identity, self.status, self.session_id)
        except BackendError:
            raise
        except BottleError:
            self.backend.destroy(identity)  # whatever has become of its state
            raise

    def _undo(self) -> None:
        """Removes what a start has made that handed nothing over."""
        identity, before = self.plan.identity, self.prepared.before
        self.backend.destroy(identity)
        withdraw_deploy_keys(self.world, identity)
        if before is None:
            self.world.state.release(identity)
        else:
            self.world.state.update(before)

    def _take_identity(self) -> None:
        """A new one, or that of the bottle that is resumed, is ours until the end."""
        state, identity, before = self.world.state, self.plan.identity, self.prepared.before
        if before is None:
            # Set first: an interruption between the two lines must still release what the claim made.
            self.claimed = True
            try:
                state.claim(_metadata(self.world, self.plan))
            except ConflictError:
                self.claimed = False
                raise
        self.holding.enter_context(state.hold(identity))
        if before is not None:
            with state.ending(identity):
                if state.read(identity) != before:
                    raise ConflictError(f"{identity} has changed meanwhile", hint="`bottle list --all` shows how")
                self.claimed = True
                state.update(evolve(_metadata(self.world, self.plan), session_id=before.session_id))

    def _begun(self) -> Bottle:
        cargo = cargo_of(self.world, self.prepared)
        self._take_identity()
        return self._launch(cargo)

    def _renewed(self) -> Bottle:
        """The bottle in a box anew, as its operator wants it. Where that cannot be it is in one as before, and where
        nothing can be taken out, in the one that it has. Raises BottleError where nothing can be started any more."""
        world, identity = self.world, self.plan.identity
        assert self.bottle is not None  # noqa: S101 - it was handed over, or there were no agent to ask for it
        with world.state.ending(identity, wait=True):
            renewal = Renewal(world, self.prepared, world.state.read(identity))
            try:
                prepared = renewal.prepared(self.bottle, self.session_id)
                cargo = cargo_of(world, prepared, self.cargo)
            except BottleError as fault:
                self.prepared = renewal.in_the_same_box(self.session_id)
                renewal.ended(self.plan, fault)
                return self.bottle
            renewal.keep_safe()
            with world.interruptions.shielded():
                self.backend.destroy(identity)
                withdraw_deploy_keys(world, identity)
            bottle = self._relaunched(renewal, prepared, cargo)
            renewal.forget()
            return bottle

    def _relaunched(self, renewal: Renewal, prepared: Prepared, cargo: Cargo) -> Bottle:
        self.prepared = prepared
        try:
            bottle = self._launch(cargo)
        except BottleError as fault:
            self.prepared = renewal.on_the_image_before(prepared)
            renewal.ended(self.plan, fault)
            return self._launch(cargo_of(self.world, self.prepared, cargo))
        renewal.ended(self.plan, None)
        return bottle

    def _launch(self, cargo: Cargo) -> Bottle:
        self.cargo = cargo
        identity = self.plan.identity
        self.world.progress.step(f"starting {identity}")
        audit = self.world.state.audit_directory(identity)
        if self.plan.supervise:
            cargo = evolve(cargo, rooms=self._rooms(cargo))
        if self.plan.keep_workspace:
            self._keep_base()
        issued = issue_deploy_keys(self.world, self.plan)
        cargo = evolve(cargo, git_secrets={**cargo.git_secrets, **issued})
        with planted(self.world, self.plan, audit), self.world.interruptions.shielded() as stopping:
            bottle = self.backend.launch(self.plan, cargo, audit, self.world.progress, stopping)
        self.bottle = bottle
        before = self.prepared.before
        rule = "started" if before is None else "resumed"
        self.world.state.record(Event(self.world.clock.now(), identity, rule, f"agent {self.plan.agent}"))
        if before is not None and before.restart:
            answered(self.world, before.restart)
        return bottle

    def _keep_base(self) -> None:
        """The workspace as it goes in, without its repository, for `bottle export` to compare with. One that is put
        back has its own."""
        tree = next((tree for tree in self.plan.trees if tree.guest_path == GUEST_WORKSPACE), None)
        if tree is None:
            return
        pieces = self.world.workspaces.beginning(tree)

        def pour(take: Callable[[bytes], None]) -> None:
            for piece in pieces:
                take(piece)

        self.world.progress.step("keeping the workspace as it is now")
        self.world.snapshots.keep(self.plan.identity, "base", (WORKSPACE,), pour)

    def _rooms(self, cargo: Cargo) -> Rooms:
        """Where the agent's questions and the answers will lie."""
        certificates = cargo.certificates
        grants = first_grants(self.plan.policy)
        return self.world.supervise.open(self.plan.identity, grants, certificates.authority, certificates.key)


def _metadata(world: World, plan: BottlePlan) -> Metadata:
    return Metadata(
        identity=plan.identity,
        agent_name=plan.agent,
        bottle=plan.bottle,
        backend=plan.backend,
        started_at=world.clock.now().isoformat(),
        label=plan.label,
        color=plan.color,
        cwd=plan.cwd,
        copy_cwd=plan.copy_cwd,
        argv=plan.argv,
        transcript=plan.transcript,
        keep_workspace=plan.keep_workspace,
        include=plan.include,
        commit=plan.commit,
        additions=plan.additions,
    )
