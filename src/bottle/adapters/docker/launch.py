"""One launch: two networks, two containers, everything furnished and proved. What can overlap does."""

import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen

from bottle.adapters.cargo import require_complete
from bottle.adapters.docker import (
    agent_user,
    containers,
    furnish,
    git_gate,
    inventory,
    networks,
    seal,
    sidecar,
    supervise,
)
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.failures import GoneError, OverlapError
from bottle.adapters.docker.names import Names, Owned
from bottle.adapters.docker.networks import NetworkOptions, Subnets
from bottle.adapters.docker.probe import Surroundings
from bottle.adapters.docker.proof import Proof
from bottle.adapters.docker.seal import Sealer
from bottle.adapters.docker.sidecar import Control
from bottle.app.ports import Cargo, Progress, Stopping
from bottle.domain.errors import BackendError, BottleError
from bottle.domain.plan import BottlePlan

T = TypeVar("T")
_GLANCE = 0.05
"""Seconds between two looks at whether the launch is asked to end."""
_THREADS = 16
"""More than there are steps: those that wait for others must not keep the others from a thread."""


@frozen
class Site:
    """Where and for whom a backend launches."""

    engine: Engine
    owner: str
    host: containers.Host
    bundles: furnish.Bundles
    options: NetworkOptions


@frozen
class Launched:
    """The containers of a bottle that was handed over."""

    box: str
    sidecar: str


@frozen
class _Box:
    """A furnished box before it runs, and what will close its network stack."""

    container: str
    sealer: Sealer


@frozen
class _Sidecar:
    """A sidecar before it runs, and the way to its input."""

    container: str
    control: Control


class Launch:
    """The steps of one launch, in the threads of a pool. All that it makes carries a label of its own."""

    def __init__(
        self, site: Site, plan: BottlePlan, cargo: Cargo, audit: Path, progress: Progress, stopping: Stopping
    ) -> None:
        self._site, self._plan, self._cargo, self._audit = site, plan, cargo, audit
        self._progress, self._stopping = progress, stopping
        self._engine = site.engine
        self._names = Names(plan.identity)
        self._owned = Owned(site.owner, plan.identity, secrets.token_hex(8))

    def run(self) -> Launched:
        """Raises what `Backend.launch` raises, and then all that it made is gone, or named in a note."""
        require_complete(self._plan, self._cargo)
        try:
            return self._try_subnets()
        except BaseException as error:
            try:
                self._undo()
            except BottleError as failure:
                error.add_note(f"and {failure}")
            raise

    def _try_subnets(self) -> Launched:
        for attempt in range(networks.ATTEMPTS):
            try:
                return self._attempt(Subnets.of(self._names, attempt))
            except OverlapError as error:
                self._progress.detail(str(error))
                self._undo()
        raise networks.no_subnet()

    def _undo(self) -> None:
        """Removes all that this launch has made, and nothing else."""
        inventory.remove(self._engine, self._owned)

    def _attempt(self, subnets: Subnets) -> Launched:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="launch") as pool, ExitStack() as stack:
            self._progress.step("making networks and containers")
            nets = pool.submit(
                networks.create, self._engine, self._names, self._owned, subnets, self._site.options, pool
            )
            sidecar_made = pool.submit(self._make_sidecar, subnets, stack)
            box_made = pool.submit(self._make_box, subnets, stack)
            serving = self._serve(nets, sidecar_made, subnets, pool)
            box_started = pool.submit(_after, (nets, box_made), lambda: self._start_box(box_made.result()))
            sealed = pool.submit(_after, (box_started,), lambda: box_made.result().sealer.close_stack())
            proof = pool.submit(
                _after, (box_started,), lambda: self._begin_proof(box_made.result(), subnets, sealed, stack)
            )
            self._settle([nets, sidecar_made, box_made, *serving, box_started, sealed, proof])
            if begun := proof.result():
                self._settle([pool.submit(begun.finish)])
            return Launched(box_made.result().container, sidecar_made.result().container)

    def _serve(
        self, nets: "Future[None]", made: "Future[_Sidecar]", subnets: Subnets, pool: Executor
    ) -> Sequence["Future[Any]"]:
        """Brings the sidecar up, and what serves in it, while the box is still furnished."""
        started = pool.submit(_after, (nets, made), lambda: self._start_sidecar(made.result(), subnets))
        serving = [lambda: self._configure(made.result().control, subnets)]
        if self._plan.remotes:
            serving.append(lambda: self._start_gate(made.result().container, subnets))
        if self._plan.supervise:
            serving.append(lambda: self._start_supervise(made.result().container, subnets))
        return [started, *(pool.submit(_after, (started,), work) for work in serving)]

    def _make_box(self, subnets: Subnets, stack: ExitStack) -> _Box:
        """Creates and furnishes the box, and what will close its network stack."""
        names, owned = self._names, self._owned
        box = self._create(names.box, containers.box(self._plan, names, owned, subnets, self._site.host))
        sealing = seal.container(self._plan.sidecar_image.tag, names, owned, subnets.internal.sidecar)
        sealer = Sealer(self._engine, self._create(names.seal, sealing))
        stack.callback(sealer.let_go)
        agent_user.require_ordinary(self._engine, box)
        image = str(self._engine.inspect(box)["Image"])
        bundle = self._site.bundles.of(self._engine, image, box)
        self._check_stopped()
        authority = self._cargo.certificates.authority
        self._engine.put(box, furnish.archive(self._plan, authority, bundle, self._progress))
        return _Box(box, sealer)

    def _make_sidecar(self, subnets: Subnets, stack: ExitStack) -> _Sidecar:
        """Creates the sidecar and takes hold of its input."""
        body = containers.sidecar(self._plan, self._names, self._owned, subnets, self._audit, self._cargo.rooms)
        container = self._create(self._names.sidecar, body)
        control = Control(self._engine, container)
        stack.callback(control.close)
        return _Sidecar(container, control)

    def _create(self, name: str, body: dict[str, Any]) -> str:
        self._check_stopped()
        try:
            return self._engine.create_container(name, body)
        except GoneError as error:
            hint = "`bottle start` builds what it needs; an image that you named must be there"
            raise BackendError(f"the image {body['Image']} is missing: {error}", hint=hint) from error

    def _start_sidecar(self, made: _Sidecar, subnets: Subnets) -> None:
        self._engine.connect(made.container, self._names.egress_network, subnets.egress.sidecar)
        self._check_stopped()
        self._engine.start(made.container)

    def _start_box(self, made: _Box) -> None:
        self._check_stopped()
        self._progress.step("starting, and proving the walls from inside")
        self._engine.start(made.container)

    def _settle(self, tasks: Sequence[Future[Any]]) -> None:
        """Returns once all have succeeded. Raises what failed first, or BackendError when the launch is to end."""
        unfinished = self._await(tasks)
        # The first to fail is the cause; what fails for want of its containers is not.
        causes = [failure for task in tasks if task not in unfinished and (failure := task.exception()) is not None]
        if unfinished:
            self._pull_away()
            wait(unfinished)
        self._check_stopped()
        if causes:
            raise causes[0]

    def _await(self, tasks: Sequence[Future[Any]]) -> set[Future[Any]]:
        """Until all have succeeded, one has failed, or the launch is asked to end. What is unfinished then."""
        while True:
            ended, unfinished = wait(tasks, _GLANCE, return_when=FIRST_EXCEPTION)
            failed = any(task.exception() is not None for task in ended)
            if failed or not unfinished or self._stopping():
                return unfinished

    def _begin_proof(self, box: _Box, subnets: Subnets, sealed: "Future[None]", stack: ExitStack) -> Proof:
        around = Surroundings(self._plan.proxy, subnets.internal, gvisor=bool(self._site.host.runtime))
        proof = Proof(self._engine, box.container, around, self._cargo.env, self._plan.checks)
        stack.callback(proof.close)
        if sealed.exception() is None:
            proof.box_is_sealed()
        return proof

    def _configure(self, control: Control, subnets: Subnets) -> None:
        document = sidecar.document(self._plan, self._cargo, subnets.internal.sidecar, answers_names=True)
        control.start(document, self._plan.policy.version)

    def _start_gate(self, container: str, subnets: Subnets) -> None:
        git_gate.start(self._engine, container, self._plan, self._cargo, subnets.internal.sidecar)

    def _start_supervise(self, container: str, subnets: Subnets) -> None:
        supervise.start(self._engine, container, self._plan, subnets.internal.sidecar)

    def _check_stopped(self) -> None:
        if self._stopping():
            raise BackendError("the launch was asked to end")

    def _pull_away(self) -> None:
        """Takes the containers from under whoever waits for them; what is left, `undo` removes and reports."""
        try:
            self._undo()
        except BottleError:
            pass


def _after(firsts: Sequence["Future[Any]"], work: Callable[[], T]) -> T | None:
    """Does the work once all of the first have succeeded; a failure of theirs is their own."""
    return None if any(first.exception() for first in firsts) else work()
