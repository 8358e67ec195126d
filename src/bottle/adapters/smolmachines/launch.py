"""One launch: sidecars under a keeper, a machine that has their sockets mounted, everything furnished and proved."""

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from bottle.adapters.bubblewrap import interpreter, keeper, trust
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.ground import Ground
from bottle.adapters.bubblewrap.keeper import Lifeline
from bottle.adapters.bubblewrap.runtime import Runtime, Runtimes
from bottle.adapters.bubblewrap.seccomp import box_filter
from bottle.adapters.bubblewrap.sidecars import Sidecars
from bottle.adapters.cargo import require_complete
from bottle.adapters.smolmachines import commands, furnish, proof
from bottle.adapters.smolmachines.archives import Archive
from bottle.adapters.smolmachines.conversation import GUEST
from bottle.adapters.smolmachines.smolvm import Smolvm, Wish, machine_name, told
from bottle.app.ports import Cargo, Progress, Stopping
from bottle.domain.errors import BackendError, BottleError, ConflictError, ProvisionError
from bottle.domain.plan import BottlePlan

_START_SECONDS: Final = 60.0
_PROOF_SECONDS: Final = 30.0
_CHECK_SECONDS: Final = 60.0
_LAST_WORDS: Final = 300


@frozen
class Order:
    """What is to be launched, where, and who may ask it to end. `rules` are the way out's, as paths to bind; `labels`
    say whose the machine is."""

    plan: BottlePlan
    cargo: Cargo
    audit: Path
    archive: Archive
    rules: Sequence[tuple[str, str]]
    ground: Ground
    smolvm: Smolvm
    labels: Mapping[str, str]
    progress: Progress
    stopping: Stopping

    @property
    def sidecars(self) -> Sidecars:
        return Sidecars(self.plan, self.cargo, self.audit, self.rules, self.ground)

    @property
    def machine(self) -> str:
        return machine_name(self.plan.identity)


def launch(order: Order, runtimes: Runtimes) -> tuple[Runtime, Lifeline]:
    """A bottle that is proved and ready. Raises what `Backend.launch` raises, and then nothing of it is left."""
    try:
        return _launched(order, runtimes)
    except OSError as error:
        raise BackendError(f"the system refuses what a bottle needs: {error.strerror or error}") from error


def _launched(order: Order, runtimes: Runtimes) -> tuple[Runtime, Lifeline]:
    require_complete(order.plan, order.cargo)
    if not order.audit.is_dir():
        raise BackendError(f"there is no directory {order.audit} for the trail")
    order.progress.step("starting a virtual machine")
    interpreter.compile_once()
    lifeline = Lifeline()
    try:
        with runtimes.claimed(order.plan.identity) as (runtime, lock):
            ports = _place(order, runtime, lock, lifeline)
    except BaseException:
        lifeline.cut()
        raise
    try:
        _bring_up(order, runtime, lifeline, ports)
    except BaseException as error:
        if last := runtime.log().decode(errors="replace").strip()[-_LAST_WORDS:]:
            error.add_note(f"the last that was said: {last}")
        _undo(order, runtime, lifeline, error)
        raise
    return runtime, lifeline


def _undo(order: Order, runtime: Runtime, lifeline: Lifeline, error: BaseException) -> None:
    """Removes what this launch made: where the name was taken, the machine is another's."""
    lifeline.cut()
    try:
        if not isinstance(error, ConflictError):
            order.smolvm.delete(order.machine)
    except BottleError as failure:
        error.add_note(f"and {failure}")
    try:
        keeper.end(runtime)
    except BottleError as failure:
        error.add_note(f"and {failure}")


def _place(order: Order, runtime: Runtime, lock: int, lifeline: Lifeline) -> list[int]:
    """Has the keeper start the sidecars, which listen in the runtime directory. The ports at which the box looks for
    them."""
    try:
        with Descriptors() as held:
            held.same(lock)
            roots = trust.stores(order.cargo.certificates.authority).host
            programs, ports = order.sidecars.programs(roots, held)
            spec = {
                "runtime": str(runtime.path),
                "control": held.listener(str(runtime.control)),
                "become": order.sidecars.become(),
                "memory": 0,
                "programs": programs,
            }
            for port, sidecar in ports.items():
                _hand(held.listener(str(runtime.door(port))), sidecar)
            lifeline.order(spec, held.all)
            return list(ports)
    except BaseException:
        runtime.remove()
        raise


def _hand(listener: int, sidecar: int) -> None:
    """Gives a sidecar the socket to listen on, as the first process of a box of namespaces would."""
    with socket.socket(fileno=os.dup(sidecar)) as outside:
        socket.send_fds(outside, [b"\0"], [listener])


def _bring_up(order: Order, runtime: Runtime, lifeline: Lifeline, ports: list[int]) -> None:
    doors = {str(runtime.door(port)): f"/run/bottle-{port}" for port in ports}
    smolvm, machine, stopping = order.smolvm, order.machine, order.stopping
    wish = Wish(machine, order.archive.image, order.labels, doors, order.plan.resources)
    smolvm.create(wish, stopping)
    smolvm.start(machine, stopping)
    _furnish(order)
    relay = [f"{path}={port}" for path, port in zip(doors.values(), ports, strict=True)]
    smolvm.spawn(machine, [*GUEST, "relay", *relay])
    deadline = time.monotonic() + _START_SECONDS
    lifeline.wait_for("started", deadline, stopping)
    order.sidecars.wait(lifeline, deadline, stopping)
    order.progress.step("proving the walls from inside")
    seccomp = box_filter(order.ground.machine)
    commands.settle(smolvm, machine, furnish.settings(order.plan, order.cargo.env, ports, seccomp))
    _prove(order)


def _furnish(order: Order) -> None:
    """Unpacks all files, as root. Raises ProvisionError."""
    authority, roots = order.cargo.certificates.authority, order.archive.roots()

    def chunks() -> Iterator[bytes]:
        return furnish.archive(order.plan, authority, roots, order.progress)

    done = order.smolvm.pour(order.machine, furnish.UNPACK, chunks, order.stopping)
    if done.status:
        raise ProvisionError(f"the machine could not be furnished: {told(done.stderr)}")


def _prove(order: Order) -> None:
    """Raises WallsError, ProvisionError, BackendError."""
    with proof.trap() as trap:
        asked = proof.command(order.plan.proxy, trap)
        found = commands.run(order.smolvm, order.machine, asked, timeout=_PROOF_SECONDS)
        proof.judge(found.stdout, trap)
    for check in order.plan.checks:
        if order.stopping():
            raise BackendError("the launch was asked to end")
        done = commands.run(order.smolvm, order.machine, check.argv, timeout=_CHECK_SECONDS)
        if done.status:
            said = " ".join((done.stdout + done.stderr).decode(errors="replace").split())[-300:]
            raise ProvisionError(f"{check.error}: {said}".rstrip(": "))
