"""The program: its commands, and the one place that prints errors and chooses exit statuses."""

import functools
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from bottle.cli.attach import attach
from bottle.cli.cleanup import cleanup
from bottle.cli.completing import WORD, agents, complete
from bottle.cli.completion import completion
from bottle.cli.dashboard import dashboard
from bottle.cli.doctor import doctor
from bottle.cli.execute import execute
from bottle.cli.explain import explain
from bottle.cli.export import export
from bottle.cli.help import Command, Group, Subcommands, examples
from bottle.cli.info import info
from bottle.cli.init import init
from bottle.cli.listing import list_bottles
from bottle.cli.logs import logs
from bottle.cli.resume import resume
from bottle.cli.rules import rules
from bottle.cli.run import SIGNALLED
from bottle.cli.run import run as run_task
from bottle.cli.start import start
from bottle.cli.stop import stop
from bottle.cli.streams import never_fail_for_a_letter
from bottle.cli.supervise import COMMANDS as SUPERVISE
from bottle.cli.version import version
from bottle.domain.errors import PASSED_THROUGH, BottleError, UsageError

PASSES_THROUGH = frozenset({"start", "run", "resume", "attach", "exec"})
"""Commands whose exit status is the agent's; bottle's own failures are moved out of its way."""

app = typer.Typer(
    help="Run a coding agent unattended, at full permission, in a box that holds no credential and reaches only what "
    "you name.",
    pretty_exceptions_enable=False,
    add_completion=False,  # `bottle completion` prints scripts of our own
    cls=Group,
    epilog=examples("bottle"),
    # Plain help: it reads the same in a pipe, on a dumb terminal and aloud, and starts faster.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, Callable[..., int]] = {
    "start": start,
    "run": run_task,
    "resume": resume,
    "attach": attach,
    "exec": execute,
    "stop": stop,
    "list": list_bottles,
    "dashboard": dashboard,
    "info": info,
    "explain": explain,
    "rules": rules,
    "logs": logs,
    "export": export,
    "cleanup": cleanup,
    "doctor": doctor,
    "init": init,
    "completion": completion,
}


class Interrupted(BaseException):
    """An interruption on its way through Typer, which would make the status 130 of any. `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _interruptible(command: Callable[..., int]) -> Callable[..., int]:
    @functools.wraps(command)
    def run_command(*args: Any, **options: Any) -> int:
        try:
            return command(*args, **options)
        except KeyboardInterrupt as interruption:
            raise Interrupted(next(iter(interruption.args), signal.SIGINT)) from None

    return run_command


for _name, _command in COMMANDS.items():
    app.command(_name, cls=Command, epilog=examples(_name))(_interruptible(_command))

supervise = typer.Typer(
    cls=Subcommands, help="Answer what stuck agents ask for.", epilog=examples("supervise"), rich_markup_mode=None
)
for _name, _subcommand in SUPERVISE.items():
    supervise.command(_name, cls=Command)(_interruptible(_subcommand))
app.add_typer(supervise, name="supervise")


def _print_version(context: typer.Context, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:  # as while a shell completes
        sys.stdout.write(f"{version()}\n")
        raise typer.Exit


@app.callback()
def bottle(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Run a coding agent unattended, at full permission, in a box that reaches only what you name."""


def main() -> None:
    """Runs the command line and exits with the command's status, or the error's (docs/exit-status.md)."""
    never_fail_for_a_letter()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit status; prints at most one error with what led to it."""
    try:
        status = _invoke(arguments)
        sys.stdout.flush()
    except BottleError as error:
        return _fail(error, arguments)
    except Interrupted as interrupted:
        return SIGNALLED + interrupted.number
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:  # noqa: BLE001 - the last resort: a stack trace is no message, and may show values
        return _fail(unforeseen(error), arguments)
    return status


def unforeseen(error: Exception) -> BottleError:
    """The error for a fault of ours: its kind and place, not its message, which could hold anything."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return BottleError(
        f"unforeseen {type(error).__name__} in {Path(place.filename).name}, line {place.lineno}",
        hint="this is a fault of bottle's; `bottle cleanup` removes what it may have left",
    )


def _invoke(arguments: Sequence[str]) -> int:
    if arguments[:1] == [WORD]:
        return complete(app, arguments[1:])
    try:
        status = app(args=list(arguments) or ["--help"], prog_name="bottle", standalone_mode=False)
    except TyperException as error:
        raise UsageError(_first_line(str(error)), hint=f"{_help_hint(arguments)}{_names(error)}") from None
    return status if isinstance(status, int) else 0


def _fail(error: BottleError, arguments: Sequence[str]) -> int:
    from bottle.cli.render import print_error

    own = list(arguments[: arguments.index("--")]) if "--" in arguments else list(arguments)
    print_error(error, as_json="--json" in own)
    return error.exit_status + (PASSED_THROUGH if PASSES_THROUGH.intersection(own[:1]) else 0)


def _reader_left() -> int:
    """The reader of our output closed it (`bottle logs | head`): no failure, and nothing more can be written."""
    from bottle.cli.streams import silence

    silence(sys.stdout)
    return 0


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "the command line is not understood"
    return line[:1].lower() + line[1:].removesuffix(".")


def _help_hint(arguments: Sequence[str]) -> str:
    command = next((word for word in arguments if not word.startswith("-")), None)
    return f"`bottle {command} --help`" if command in {*COMMANDS, "supervise"} else "`bottle --help`"


def _names(error: TyperException) -> str:
    """A line with what could be named, where an agent is missing."""
    from bottle.domain.manifest import NO_AGENTS

    missing = getattr(error, "param", None)
    if missing is None or missing.name != "agent":
        return ""
    return f"\nagents here: {', '.join(names)}" if (names := agents()) else f"\n{NO_AGENTS}"
