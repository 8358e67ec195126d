"""A bottle's start and end. What a start makes, its end removes; an end may be repeated and is never interrupted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from attrs import define, evolve, frozen

from bottle.app.deploy_keys import issue_deploy_keys, withdraw_deploy_keys
from bottle.app.ending import end_bottle
from bottle.app.ports import Backend, Bottle, Cargo, Heard, Rooms, World
from bottle.app.prepare import Prepared, require_ready, secrets_missing
from bottle.app.seeds import planted
from bottle.domain.environment import is_private
from bottle.domain.errors import ConflictError, TimeIsUpError
from bottle.domain.manifest import HostVariables, Prompted
from bottle.domain.plan import BottlePlan, PlannedEnv
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


def run_attached(world: World, prepared: Prepared, tell: Callable[[], None] = lambda: None) -> int:
    """Starts, hands the terminal to the agent, tears down; returns the agent's exit status.

    Raises BottleError when the start fails, KeyboardInterrupt when it is interrupted; either way nothing but the
    evidence of a bottle that ran is left. Where one ran, `tell` is called at the end, whatever the end was.
    """
    session = Session(world, prepared)
    try:
        return surely(session.attached, session.end)
    finally:
        if session.bottle is not None:
            tell()


def run_detached(world: World, prepared: Prepared) -> Bottle:
    """Starts and leaves the bottle running. Raises as `run_attached` does, and then nothing is left."""
    session = Session(world, prepared)
    return surely(session.detached, session.end_unless_detached)


def run_headless(world: World, prepared: Prepared, task: Task) -> int | None:
    """Starts, gives the agent its task, tears down; returns the agent's exit status, None where time was up. Raises as
    `run_attached` does."""
    session = Session(world, prepared)
    return surely(lambda: session.headless(task), session.end)


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

    @property
    def plan(self) -> BottlePlan:
        return self.prepared.plan

    @property
    def backend(self) -> Backend:
        return self.prepared.backend

    def attached(self) -> int:
        """The whole of an attached run, up to its end."""
        cargo = self._ready()
        with self._hold():
            bottle = self._launch(cargo)
            self.status = bottle.attach(self.plan.argv)
        return self.status

    def headless(self, task: Task) -> int | None:
        """The whole of a run without a terminal, up to its end."""
        cargo = self._ready()
        with self._hold():
            bottle = self._launch(cargo)
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
        cargo = self._ready()
        with self._hold():
            bottle = self._launch(cargo)
            self.world.state.update(evolve(self.world.state.read(self.plan.identity), detached=True))
            bottle.leave()
            self.left_running = True
        return bottle

    def end_unless_detached(self) -> None:
        """Ends what did not become a detached bottle."""
        if not self.left_running:
            self.end()

    def end(self) -> None:
        """Removes the bottle. What ran keeps its evidence; what never did keeps what was there before."""
        if not self.claimed:
            return
        identity, before = self.plan.identity, self.prepared.before
        with self.world.interruptions.shielded():
            if self.bottle is not None:
                end_bottle(self.world, self.backend, identity, self.status, self.session_id)
                return
            self.backend.destroy(identity)
            withdraw_deploy_keys(self.world, identity)
            if before is None:
                self.world.state.release(identity)
            else:
                self.world.state.update(before)

    def _ready(self) -> Cargo:
        """All that can fail without leaving anything: files, backend, secrets, prompts, images, certificates."""
        upstream_roots, upstream_proxy = self.world.upstream_roots(), self.world.upstream_proxy()
        require_ready(self.prepared)
        env = resolve_env(self.world, self.plan.env)
        secrets = resolve_secrets(self.world, self.plan)
        git_secrets = resolve_git_secrets(self.world, self.plan)
        ensure_images(self.world, self.prepared)
        hosts = [planned.route.host.text for planned in self.plan.routes]
        certificates = self.world.authority.issue(
            self.plan.identity, hosts, self.world.clock.now(), extensible=self.plan.supervise
        )
        return Cargo(
            certificates=certificates,
            secrets=secrets,
            env=env,
            given=withheld_of(self.world, self.plan.env, env),
            upstream_roots=upstream_roots,
            upstream_proxy=upstream_proxy,
            git_secrets=git_secrets,
        )

    @contextmanager
    def _hold(self) -> Iterator[None]:
        """The identity is ours inside: a new one, or that of the bottle that is resumed."""
        state, identity = self.world.state, self.plan.identity
        if self.prepared.before is None:
            # Set first: an interruption between the two lines must still release what the claim made.
            self.claimed = True
            try:
                state.claim(_metadata(self.world, self.plan))
            except ConflictError:
                self.claimed = False
                raise
        with state.hold(identity):
            before = self.prepared.before
            if before is not None:
                if state.read(identity) != before:
                    raise ConflictError(f"{identity} has changed meanwhile", hint="`bottle list --all` shows how")
                self.claimed = True
                state.update(evolve(_metadata(self.world, self.plan), session_id=before.session_id))
            yield

    def _launch(self, cargo: Cargo) -> Bottle:
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


def ensure_images(world: World, prepared: Prepared) -> None:
    """Builds or installs what is not there yet. Raises ProvisionError."""
    images = (prepared.plan.sidecar_image, prepared.plan.image)
    for image in prepared.backend.missing(images):
        world.progress.step(f"making ready, once: {image.tag}")
        prepared.backend.build(image, world.progress)


def resolve_secrets(world: World, plan: BottlePlan) -> dict[str, str]:
    """The value of every slot. Raises SecretMissingError."""
    return {slot.name: world.credentials.value(slot.token_ref) for slot in plan.slots}


def resolve_git_secrets(world: World, plan: BottlePlan) -> dict[str, str]:
    """The key or the token of each git remote that has one. Raises SecretMissingError, ManifestError."""
    tokens = {slot.host: world.credentials.value(slot.token_ref) for slot in plan.git_slots}
    keys = {host: world.git_keys.key(host, remote) for host, remote in plan.remotes.items() if host not in tokens}
    return {**tokens, **{host: key for host, key in keys.items() if key}}


def resolve_env(world: World, entries: Sequence[PlannedEnv]) -> dict[str, str]:
    """The values of the entries that come from the host or from the operator. Raises SecretMissingError."""
    wanted = {name for item in entries if isinstance(item.entry, HostVariables) for name in item.entry.names}
    missing = sorted(wanted - world.credentials.available(wanted))
    if missing:
        raise secrets_missing(missing)
    values: dict[str, str] = {}
    for item in entries:
        if isinstance(item.entry, HostVariables):
            values[item.name] = item.entry.render({name: world.credentials.variable(name) for name in item.entry.names})
        elif isinstance(item.entry, Prompted):
            values[item.name] = world.operator.ask_secret(item.name)
    return values


def withheld_of(world: World, entries: Sequence[PlannedEnv], values: Mapping[str, str]) -> dict[str, str]:
    """Those of the box's values that came from the operator or the host, but for what a host tells everybody."""
    given: dict[str, str] = {}
    for item in entries:
        if isinstance(item.entry, HostVariables):
            given |= {name: world.credentials.variable(name) for name in item.entry.names if is_private(name)}
        elif isinstance(item.entry, Prompted):
            given[item.name] = values[item.name]
    return given


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
