"""bottle run: one task for an agent that works by itself."""

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from bottle.cli import completing
from bottle.cli.options import Agent, Arguments, AsJson, Backend, Color, Cwd, Include, KeepWorkspace, Label

if TYPE_CHECKING:
    from bottle.app.ports import World
    from bottle.app.prepare import Prepared, Wanted
    from bottle.app.run import Outcome

SIGNALLED = 128
"""Added to a signal's number, as shells report a program that it ended."""
TIME_IS_UP = 124
"""The exit status of a task that did not end in time, as timeout(1) has it."""


def run(
    agent: Agent,
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="What to do; `-` reads it from standard input.", show_default=False)
    ],
    arguments: Arguments = None,
    timeout: Annotated[str, typer.Option(help="How long it may take: 90s, 30m, 2h.", metavar="TIME")] = "1h",
    resume: Annotated[
        str | None,
        typer.Option(
            help="Go on with the session of this bottle, which has ended.",
            metavar="IDENTITY",
            autocompletion=completing.ended,
        ),
    ] = None,
    cwd: Cwd = False,
    include: Include = None,
    keep_workspace: KeepWorkspace = False,
    backend: Backend = None,
    label: Label = None,
    color: Color = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Show on stderr what the agent says, each line behind a `|`.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Give an agent a task and wait for its result.

    Needs no terminal and asks nothing. The exit status is the agent's, 124 when time was up, 128 and a signal's number
    when one came; bottle's own failures are their status + 100.
    """
    from bottle.app.prepare import Wanted, require_ready
    from bottle.app.run import run_task
    from bottle.cli.calling import calling
    from bottle.cli.echo import Echo
    from bottle.cli.render import warn
    from bottle.cli.starting import working_tree
    from bottle.cli.wiring import wire

    seconds, tree = _seconds(timeout), working_tree(cwd, include, keep=keep_workspace)
    wanted = Wanted(agent, backend, label, color, **tree, arguments=tuple(arguments or ()), headless=True)
    world = wire()
    prepared = _prepared(world, wanted, resume)
    require_ready(prepared)
    for warning in (*world.manifests.warnings(), *prepared.plan.notes):
        warn(warning)
    text = sys.stdin.read() if task == "-" else task
    with calling(world, prepared.plan), Echo() if stream else nullcontext() as echo:
        outcome = run_task(world, prepared, text, seconds=seconds, echo=echo.show if echo is not None else None)
    return _tell(outcome, as_json=as_json)


def _seconds(timeout: str) -> float:
    from bottle.domain.duration import seconds_of
    from bottle.domain.errors import UsageError

    try:
        return seconds_of(timeout)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None


def _prepared(world: "World", wanted: "Wanted", resume: str | None) -> "Prepared":
    from bottle.app.prepare import prepare
    from bottle.app.resume import prepare_next_task
    from bottle.domain.errors import UsageError

    if resume is None:
        return prepare(world, wanted)
    if wanted.copy_cwd or wanted.backend or wanted.label or wanted.color:
        raise UsageError("--resume takes the bottle as it was", hint="leave out --cwd, --backend, --label and --color")
    return prepare_next_task(world, resume, wanted.agent, arguments=wanted.arguments)


def _tell(outcome: "Outcome", *, as_json: bool) -> int:
    from bottle.cli.documents import of_outcome
    from bottle.cli.echo import quote
    from bottle.cli.render import plain_text, print_json, print_line, talk, traffic

    if as_json:
        print_json(of_outcome(outcome))
    else:
        print_line(plain_text(outcome.report.result))
        if outcome.status:
            quote(outcome.complaint)
        talk(traffic(outcome.traffic))
        how = "has ended" if outcome.interrupted is None else "was interrupted"
        talk(f"bottle: {outcome.identity} {how}; `bottle run --resume {outcome.identity}` goes on with it")
    if outcome.interrupted is not None:
        return SIGNALLED + outcome.interrupted
    return TIME_IS_UP if outcome.status is None else outcome.status
