"""One task for an agent that works by itself: started, waited for, torn down, and what came of it."""

from collections.abc import Callable, Iterable
from itertools import islice

from attrs import define, evolve, field, frozen

from bottle.app.ports import World
from bottle.app.prepare import Prepared
from bottle.app.session import Task
from bottle.app.start import run_headless
from bottle.domain.errors import BottleError
from bottle.domain.provider import Provider, Report
from bottle.domain.pushes import Push, pushes_of
from bottle.domain.traffic import Traffic, traffic_of

LONGEST_OUTPUT = 256 * 1024 * 1024
"""Bytes of an agent's standard output that are read; of more, the last."""
LONGEST_RESULT = 16 * 1024 * 1024
"""Characters of what the agent says that it made, which is printed; of more, the last."""
LONGEST_COMPLAINT = 4096


@frozen
class Outcome:
    """What came of a task. `status` is the agent's; None where time was up, or where a signal ended it, of which
    `interrupted` is the number. `seconds` from the start to the end of all. `complaint` is the end of what the agent
    said on its standard error."""

    identity: str
    report: Report
    status: int | None
    interrupted: int | None
    seconds: float
    traffic: Traffic
    pushes: tuple[Push, ...]
    complaint: str


def run_task(
    world: World, prepared: Prepared, text: str, *, seconds: float, echo: Callable[[bytes], None] | None = None
) -> Outcome:
    """Does the task in a bottle of its own, or in the one that is resumed. `echo` hears what the agent says.

    Raises BottleError when the bottle cannot be started, KeyboardInterrupt when that is interrupted; either way it is
    torn down.
    """
    provider = world.providers.get(prepared.plan.provider)
    began, said = world.clock.passed(), _Said(echo)
    identity = prepared.plan.identity
    before = sum(1 for _ in world.state.audit_lines(identity)) if prepared.before else 0
    task = Task(text, seconds, said.hear, lambda: said.report(provider).session_id)
    ending = run_headless(world, prepared, task)
    return Outcome(
        identity=identity,
        report=said.report(provider),
        status=ending.status,
        interrupted=ending.interrupted,
        seconds=world.clock.passed() - began,
        traffic=traffic_of(_lines(world, identity, before)),
        pushes=tuple(pushes_of(_lines(world, identity, before))),
        complaint=said.errors.decode(errors="replace").strip(),
    )


@define
class _Said:
    """What an agent says, as far as it is kept."""

    echo: Callable[[bytes], None] | None
    output: bytearray = field(factory=bytearray)
    errors: bytearray = field(factory=bytearray)
    _read: Report | None = None
    """What the output says, where that was read since the last of it came."""

    def hear(self, stream: int, piece: bytes) -> None:
        kept, longest = (self.output, LONGEST_OUTPUT) if stream == 1 else (self.errors, LONGEST_COMPLAINT)
        kept += piece
        del kept[: max(len(kept) - longest, 0)]
        self._read = None
        if self.echo is not None:
            self.echo(piece)

    def report(self, provider: Provider) -> Report:
        """A plugin that cannot read what its program said takes nothing else down with it."""
        if self._read is None:
            try:
                report = provider.report(bytes(self.output))
            except BottleError as error:
                report = Report(str(error))
            self._read = evolve(report, result=report.result[-LONGEST_RESULT:])
        return self._read


def _lines(world: World, identity: str, before: int) -> Iterable[str]:
    """The trail from there on, one line after the other: the agent chooses how long it gets."""
    return islice(world.state.audit_lines(identity), before, None)
