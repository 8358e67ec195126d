"""One launch: two networks, two containers, everything furnished and proved. What can overlap does."""

import secrets
import threading
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attrs import frozen

from bottle.adapters.cargo import require_complete
from bottle.adapters.docker import containers, furnish, inventory, networks, sidecar
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.failures import GoneError, OverlapError
from bottle.adapters.docker.names import Names, Owned
from bottle.adapters.docker.networks import NetworkOptions, Subnets
from bottle.adapters.docker.probe import Surroundings
from bottle.adapters.docker.proof import Proof
from bottle.app.ports import Cargo, Progress
from bottle.domain.errors import BackendError, BottleError
from bottle.domain.plan import BottlePlan


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


class Launch:
    """The steps of one launch, in the threads of a pool. All that it makes carries a label of its own."""

    def __init__(self, site: Site, plan: BottlePlan, cargo: Cargo, audit: Path, progress: Progress) -> None:
        self._site, self._plan, self._cargo, self._audit, self._progress = site, plan, cargo, audit, progress
        self._engine = site.engine
        self._names = Names(plan.identity)
        self._owned = Owned(site.owner, plan.identity, secrets.token_hex(8))
        self._stopped = threading.Event()
        self._all_made = threading.Event()

    def run(self) -> Launched:
        """Raises what `Backend.launch` raises; then `undo` is due."""
        require_complete(self._plan, self._cargo)
        for attempt in range(networks.ATTEMPTS):
            try:
                return self._attempt(Subnets.of(self._names, attempt))
            except OverlapError as error:
                self._progress.detail(str(error))
                self.undo()
        raise BackendError(
            "no subnet is free", hint="`bottle cleanup` and `docker network prune` remove unused networks"
        )

    def stop(self) -> None:
        """Asks `run` to end soon. Where nothing new is made any more, it loses its containers under its feet."""
        self._stopped.set()
        if self._all_made.is_set():
            self._pull_away()

    def undo(self) -> None:
        """Removes all that this launch has made, and nothing else."""
        inventory.remove(self._engine, self._owned)

    def _attempt(self, subnets: Subnets) -> Launched:
        with ThreadPoolExecutor(6, thread_name_prefix="launch") as pool, ExitStack() as stack:
            self._progress.step("making networks and containers")
            names, owned = self._names, self._owned
            nets = pool.submit(networks.create, self._engine, names, owned, subnets, self._site.options, pool)
            sidecar_made = pool.submit(self._make_sidecar, subnets, stack)
            box_made = pool.submit(self._make_box, subnets)
            making: list[Future[Any]] = [nets, sidecar_made, box_made]
            wait(making)
            nets.result()
            container, control = sidecar_made.result()
            launched = Launched(box_made.result(), container)
            self._engine.connect(container, names.egress_network, subnets.egress.sidecar)
            self._all_made.set()
            self._check_stopped()
            self._progress.step("starting, and proving the walls from inside")
            self._bring_up(launched, control, subnets, pool)
            return launched

    def _make_box(self, subnets: Subnets) -> str:
        """Creates the box and furnishes it."""
        body = containers.box(self._plan, self._names, self._owned, subnets, self._site.host)
        box = self._create(self._names.box, body)
        image = str(self._engine.inspect(box)["Image"])
        bundle = self._site.bundles.of(self._engine, image, box)
        self._check_stopped()
        self._engine.put(box, furnish.archive(self._plan, self._cargo.certificates.authority, bundle))
        return box

    def _make_sidecar(self, subnets: Subnets, stack: ExitStack) -> tuple[str, sidecar.Control]:
        """Creates the sidecar and takes hold of its input."""
        body = containers.sidecar(self._plan, self._names, self._owned, subnets, self._audit)
        container = self._create(self._names.sidecar, body)
        control = sidecar.Control(self._engine, container)
        stack.callback(control.close)
        return container, control

    def _create(self, name: str, body: dict[str, Any]) -> str:
        self._check_stopped()
        try:
            return self._engine.create_container(name, body)
        except GoneError as error:
            hint = "`bottle start` builds what it needs; an image that you named must be there"
            raise BackendError(f"the image {body['Image']} is missing: {error}", hint=hint) from error

    def _bring_up(self, launched: Launched, control: sidecar.Control, subnets: Subnets, pool: Executor) -> None:
        """Starts both, and judges what the box finds around it once the sidecar stands."""
        started = pool.submit(self._engine.start, launched.sidecar)
        proof = pool.submit(self._start_box, launched.box, subnets)
        tasks: list[Future[Any]] = [started, proof]
        tasks.append(pool.submit(self._configure, started, control, subnets))
        if self._site.host.sealed:
            tasks.append(pool.submit(self._greet, started, launched, subnets))
        _, unfinished = wait(tasks, return_when=FIRST_EXCEPTION)
        if unfinished:
            self._pull_away()
            wait(unfinished)
        failures = [failure for task in tasks if (failure := task.exception()) is not None]
        try:
            if failures:
                raise failures[0]
            proof.result().finish(self._plan.checks)
        finally:
            if proof.exception() is None:
                proof.result().close()

    def _start_box(self, box: str, subnets: Subnets) -> Proof:
        self._engine.start(box)
        host = self._site.host
        around = Surroundings(self._plan.proxy, subnets.internal, sealed=host.sealed, gvisor=bool(host.runtime))
        return Proof(self._engine, box, self._cargo.env, around)

    def _configure(self, started: "Future[None]", control: sidecar.Control, subnets: Subnets) -> None:
        if started.exception() is None:
            control.start(sidecar.document(self._plan, self._cargo, subnets), self._plan.policy.version)

    def _greet(self, started: "Future[None]", launched: Launched, subnets: Subnets) -> None:
        if started.exception() is None:
            sidecar.greet(self._engine, launched.sidecar, subnets.internal.box)

    def _check_stopped(self) -> None:
        if self._stopped.is_set():
            raise BackendError("the launch was asked to end")

    def _pull_away(self) -> None:
        """Takes the containers from under whoever waits for them; what is left, `undo` removes and reports."""
        try:
            self.undo()
        except BottleError:
            pass
