"""One launch: a keeper with the box and the sidecar as its children, everything furnished and proved."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from attrs import frozen

from bottle.adapters.archive import Furniture, pack
from bottle.adapters.bubblewrap import box, commands, interpreter, keeper, proof, trust
from bottle.adapters.bubblewrap.box import Doors
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.ground import Ground
from bottle.adapters.bubblewrap.keeper import Lifeline
from bottle.adapters.bubblewrap.runtime import Runtime, Runtimes
from bottle.adapters.bubblewrap.sidecars import Sidecars
from bottle.adapters.bubblewrap.tools import Tool
from bottle.adapters.cargo import require_complete
from bottle.app.ports import Cargo, Progress, Stopping
from bottle.domain.errors import BackendError, BottleError, ProvisionError
from bottle.domain.plan import BottlePlan

_START_SECONDS = 30.0
_PROOF_SECONDS = 20.0
_CHECK_SECONDS = 60.0
_GLANCE = 0.05
_LAST_WORDS = 300


@frozen
class Order:
    """What is to be launched, where, and who may ask it to end. `rules` are the way out's, as paths to bind."""

    plan: BottlePlan
    cargo: Cargo
    audit: Path
    tool: Tool
    rules: Sequence[tuple[str, str]]
    ground: Ground
    progress: Progress
    stopping: Stopping

    @property
    def sidecars(self) -> Sidecars:
        return Sidecars(self.plan, self.cargo, self.audit, self.rules, self.ground)


def launch(order: Order, runtimes: Runtimes, lifeline: Lifeline) -> Runtime:
    """A bottle that is proved and ready, held by a keeper that comes up while its order is written.

    Raises what `Backend.launch` raises, and then nothing of it is left, nor of the keeper.
    """
    try:
        return _launched(order, runtimes, lifeline)
    except OSError as error:
        raise BackendError(f"the system refuses what a bottle needs: {error.strerror or error}") from error


def _launched(order: Order, runtimes: Runtimes, lifeline: Lifeline) -> Runtime:
    try:
        _require_whole(order)
        interpreter.compile_once()
        with runtimes.claimed(order.plan.identity) as (runtime, lock):
            _place(order, runtime, lock, lifeline)
    except BaseException:
        lifeline.cut()
        raise
    try:
        _bring_up(order, runtime, lifeline)
    except BaseException as error:
        if last := runtime.log().decode(errors="replace").strip()[-_LAST_WORDS:]:
            error.add_note(f"the last that was said: {last}")
        lifeline.cut()
        try:
            keeper.end(runtime)
        except BottleError as failure:
            error.add_note(f"and {failure}")
        raise
    return runtime


def _require_whole(order: Order) -> None:
    """Raises BackendError where something is missing that a launch is given."""
    require_complete(order.plan, order.cargo)
    if not order.audit.is_dir():
        raise BackendError(f"there is no directory {order.audit} for the trail")


def _place(order: Order, runtime: Runtime, lock: int, lifeline: Lifeline) -> None:
    """Has the keeper start all programs of the bottle."""
    try:
        with Descriptors() as held:
            held.same(lock)
            lifeline.order(_spec(order, runtime, held), held.all)
    except BaseException:
        runtime.remove()
        raise


def _spec(order: Order, runtime: Runtime, held: Descriptors) -> dict[str, object]:
    """What the keeper is told."""
    plan, ground = order.plan, order.ground
    groups = ground.control_groups
    control = held.listener(str(runtime.control))
    roots = trust.stores(order.cargo.certificates.authority)
    programs, ports = order.sidecars.programs(roots.host, held)
    doors = Doors(held.listener(str(runtime.commands)), ports)
    programs.append(box.program(plan, order.tool, roots, doors, ground, held))
    return {
        "runtime": str(runtime.path),
        "control": control,
        "become": order.sidecars.become(*(source for source, _ in order.tool.binds)),
        "memory": 0 if groups and groups.spare_the_rest else plan.resources.memory,
        "programs": programs,
    }


def _bring_up(order: Order, runtime: Runtime, lifeline: Lifeline) -> None:
    """Furnishes, configures and proves, in a thread that a killed box ends."""
    with ThreadPoolExecutor(1, thread_name_prefix="launch") as pool:
        working = pool.submit(_furnish_and_prove, order, runtime, lifeline)
        _await(working, order.stopping, runtime)
    failure = working.exception()
    if order.stopping():
        raise BackendError("the launch was asked to end")
    if failure is not None:
        raise failure


def _await(working: "Future[None]", stopping: Stopping, runtime: Runtime) -> None:
    while not wait([working], _GLANCE).done:
        if stopping():
            try:
                keeper.stop(runtime)
            except BottleError:
                pass  # it was ending already; letting go of the lifeline does the rest
            return


def _furnish_and_prove(order: Order, runtime: Runtime, lifeline: Lifeline) -> None:
    plan, deadline = order.plan, time.monotonic() + _START_SECONDS
    lifeline.wait_for("started", deadline, order.stopping)
    commands.furnish(runtime.commands, _archive(order))
    commands.set_environment(runtime.commands, box.environment(plan, order.cargo.env))
    order.progress.step("proving the walls from inside")
    # The probe need not wait for the sidecar: its question does, at the socket that the sidecar will listen on.
    found = commands.run(runtime.commands, proof.command(plan.proxy), timeout=_PROOF_SECONDS)
    order.sidecars.wait(lifeline, deadline, order.stopping)
    proof.judge(found.stdout)
    for check in plan.checks:
        done = commands.run(runtime.commands, check.argv, timeout=_CHECK_SECONDS)
        if done.status:
            said = " ".join((done.stdout + done.stderr).decode(errors="replace").split())[-300:]
            raise ProvisionError(f"{check.error}: {said}".rstrip(": "))


def _archive(order: Order) -> Iterator[bytes]:
    """Everything that the agent may change, as long as nobody asks for the end."""
    plan = order.plan
    furniture = Furniture(plan.directories, plan.trees, box.furniture(plan), plan.archives)
    for chunk in pack(furniture, order.progress.detail):
        if order.stopping():
            raise BackendError("the launch was asked to end")
        yield chunk
