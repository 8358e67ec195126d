"""A bottle's start and end. What a start makes, its end removes; an end may be repeated and is never interrupted."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from attrs import define, evolve, field, frozen

from bottle.app.cargo import cargo_of
from bottle.app.deploy_keys import issue_deploy_keys, withdraw_deploy_keys
from bottle.app.ending import end_bottle
from bottle.app.ports import Backend, Bottle, Cargo, Heard, Rooms, World
from bottle.app.prepare import Prepared
from bottle.app.seeds import planted
from bottle.domain.errors import BackendError, BottleError, ConflictError, TimeIsUpError
from bottle.domain.plan import BottlePlan
from bottle.domain.provision import GUEST_WORKSPACE
from bottle.domain.state import Event, Metadata
from bottle.domain.supervise import first_grants
from bottle.domain.taken_out import WORKSPACE

Result = TypeVar("Result")
SIGINT = 2
"""The number of an interruption that carries none."""


@frozen
class Task:
    """What an agent is to do by itself: the text for its standard input, how many seconds it has, who hears what it
    says, and how the session's id is read from that when it has ended."""

    text: str
    seconds: float
    heard: Heard
    session_id: Callable[[], str]


@frozen
class Ending:
    """How an agent's task ended: with its status, else because time was up or by a signal, whose number it is."""

    status: int | None
    interrupted: int | None = None


def run_attached(world: World, prepared: Prepared, tell: Callable[[], None] = lambda: None) -> int:
    """Starts, hands the terminal to the agent, tears down; returns the agent's exit status.

    Raises BottleError when the start fails, KeyboardInterrupt when it is interrupted; either way nothing but the
    evidence of a bottle that ran is left. Where one ran, `tell` is called at the end, whatever the end was.
    """
    session = Session(world, prepared)
    try:
        with session.holding:
            return surely(session.attached, session.end)
    finally:
        if session.bottle is not None:
            tell()


def run_detached(world: World, prepared: Prepared) -> Bottle:
    """Starts and leaves the bottle running. Raises as `run_attached` does, and then nothing is left."""
    session = Session(world, prepared)
    with session.holding:
        return surely(session.detached, session.end_unless_detached)


def run_headless(world: World, prepared: Prepared, task: Task) -> Ending:
    """Starts, gives the agent its task, tears down. Raises as `run_attached` does; but an interruption of a bottle that
    ran is an ending like others: what came of the task until then is worth telling."""
    session = Session(world, prepared)
    try:
        with session.holding:
            return Ending(surely(lambda: session.headless(task), session.end))
    except KeyboardInterrupt as interruption:
        if session.bottle is None:
            raise
        return Ending(None, next(iter(interruption.args), SIGINT))


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
        bottle = self._launch(cargo_of(self.world, self.prepared))
        self.status = bottle.attach(self.plan.argv)
        return self.status

    def headless(self, task: Task) -> int | None:
        """The whole of a run without a terminal, up to its end."""
        bottle = self._launch(cargo_of(self.world, self.prepared))
        try:
            done = bottle.run(self.plan.argv, stdin=task.text.encode(), timeout=task.seconds, heard=task.heard)
            self.status = done.status
        except TimeIsUpError:
            self.world.progress.step(f"the agent did not end within {task.seconds:g} seconds")
        finally:
            self.session_id = task.session_id()
        return self.status

    def detached(self) -> Bottle:
        """The whole of a detached start."""
        bottle = self._launch(cargo_of(self.world, self.prepared))
        self.world.state.update(evolve(self.world.state.read(self.plan.identity), detached=True))
        bottle.leave()
        self.left_running = True
        return bottle

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

    def _launch(self, cargo: Cargo) -> Bottle:
        self._take_identity()
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
        rule = "started" if self.prepared.before is None else "resumed"
        self.world.state.record(Event(self.world.clock.now(), identity, rule, f"agent {self.plan.agent}"))
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
    )
