"""One launch: sidecars, a machine that has their sockets mounted, everything furnished and proved."""

import platform
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from bottle.adapters.bubblewrap.keeper import Lifeline
from bottle.adapters.bubblewrap.seccomp import box_filter
from bottle.adapters.cargo import require_complete
from bottle.adapters.smolmachines import commands, furnish, proof
from bottle.adapters.smolmachines.archives import Archive
from bottle.adapters.smolmachines.beside import Beside, Served
from bottle.adapters.smolmachines.conversation import GUEST
from bottle.adapters.smolmachines.smolvm import Smolvm, Wish, machine_name, told
from bottle.app.ports import Cargo, Progress, Stopping
from bottle.domain.errors import BackendError, BottleError, ConflictError, ProvisionError
from bottle.domain.plan import BottlePlan

_START_SECONDS: Final = 60.0
_PROOF_SECONDS: Final = 30.0
_CHECK_SECONDS: Final = 60.0
_LAST_WORDS: Final = 300
_PROCESSORS: Final = {"arm64": "aarch64"}
"""What macOS calls a processor, and what the kernel in its machines does."""


@frozen
class Order:
    """What is to be launched, where, and who may ask it to end. `labels` say whose the machine is."""

    plan: BottlePlan
    cargo: Cargo
    audit: Path
    archive: Archive
    beside: Beside
    smolvm: Smolvm
    labels: Mapping[str, str]
    progress: Progress
    stopping: Stopping

    @property
    def served(self) -> Served:
        return Served(self.plan, self.cargo, self.audit, self.stopping)

    @property
    def machine(self) -> str:
        return machine_name(self.plan.identity)


def launch(order: Order) -> Lifeline:
    """A bottle that is proved and ready lives by this. Raises what `Backend.launch` raises, and then nothing of it is
    left."""
    try:
        return _launched(order)
    except OSError as error:
        raise BackendError(f"the system refuses what a bottle needs: {error.strerror or error}") from error


def _launched(order: Order) -> Lifeline:
    require_complete(order.plan, order.cargo)
    if not order.audit.is_dir():
        raise BackendError(f"there is no directory {order.audit} for the trail")
    order.progress.step("starting a virtual machine")
    beside, identity = order.beside, order.plan.identity
    lifeline = Lifeline(program=beside.program)
    try:
        with beside.runtimes.claimed(identity) as (runtime, lock):
            ports = beside.place(order.served, runtime, lock, lifeline)
    except BaseException:
        lifeline.cut()
        raise
    try:
        _bring_up(order, lifeline, {port: str(runtime.door(port)) for port in ports})
    except BaseException as error:
        _undo(order, lifeline, error)
        raise
    return lifeline


def _undo(order: Order, lifeline: Lifeline, error: BaseException) -> None:
    """Removes what this launch made: where the name was taken, the machine is another's."""
    identity = order.plan.identity

    def note_last_words() -> None:
        if last := order.beside.log(identity).decode(errors="replace").strip()[-_LAST_WORDS:]:
            error.add_note(f"the last that was said: {last}")

    def delete_machine() -> None:
        if not isinstance(error, ConflictError):
            order.smolvm.delete(order.machine)

    for step in (note_last_words, lifeline.cut, delete_machine, lambda: order.beside.remove(identity)):
        try:
            step()
        except BottleError as failure:
            error.add_note(f"and {failure}")


def _bring_up(order: Order, lifeline: Lifeline, doors: Mapping[int, str]) -> None:
    """`doors`: the sockets by the ports at which the box looks for what serves there."""
    mounted = {port: f"/run/bottle-{port}" for port in doors}
    smolvm, machine, stopping = order.smolvm, order.machine, order.stopping
    sockets = {doors[port]: place for port, place in mounted.items()}
    smolvm.create(Wish(machine, order.archive.image, order.labels, sockets, order.plan.resources), stopping)
    smolvm.start(machine, stopping)
    _furnish(order)
    smolvm.spawn(machine, [*GUEST, "relay", *(f"{place}={port}" for port, place in mounted.items())])
    order.beside.wait(order.served, lifeline, time.monotonic() + _START_SECONDS)
    order.progress.step("proving the walls from inside")
    seccomp = box_filter(_PROCESSORS.get(platform.machine(), platform.machine()))
    commands.settle(smolvm, machine, furnish.settings(order.plan, order.cargo.env, list(doors), seccomp))
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
