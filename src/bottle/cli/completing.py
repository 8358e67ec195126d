"""What may come next on a command line: for the shells, at every press of TAB.

Names come from directories alone; no manifest is opened, and no engine is asked. Somebody waits, so nothing is composed
by wiring: two adapters are used as they are.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer._click.shell_completion import CompletionItem, ShellComplete

if TYPE_CHECKING:
    from typer import Typer

    from bottle.domain.state import Metadata

WORD = "__complete"
"""The command that the shells' scripts give: behind it the words up to the cursor, the last one begun or empty."""


def complete(app: "Typer", words: Sequence[str]) -> int:
    """Prints a line for each word that may stand there, with a tab and what it is about behind it."""
    from typer.main import get_command

    if lines := Asked(get_command(app), words or [""]).complete():
        sys.stdout.write(f"{lines}\n")
    return 0


class Asked(ShellComplete):
    """Typer's completion, for words that come as arguments: Typer's own scripts hand them over in the environment,
    where their borders are lost, and for two of three shells it imports Rich before it answers."""

    name, source_template = "words", ""

    def __init__(self, command: Any, words: Sequence[str]) -> None:
        super().__init__(command, {}, "bottle", "")
        self._before, self._begun, self._fixed = _understood(words)

    def get_completion_args(self) -> tuple[list[str], str]:
        return self._before, self._begun

    def format_completion(self, item: CompletionItem) -> str:
        about = (item.help or "").partition("\n")[0]
        return f"{self._fixed}{item.value}\t{about}".rstrip("\t")

    def source_vars(self) -> dict[str, Any]:
        return {}


def _understood(words: Sequence[str]) -> tuple[list[str], str, str]:
    """The finished words, the one that is begun, and what of that stays as it is. An option's value behind `=` becomes
    a word of its own; bash cuts there by itself, and hands the sign over as a word."""
    before, begun = [word for word in words[:-1] if word != "="], words[-1]
    option, sign, value = begun.partition("=")
    if begun == "=":
        return before, "", ""
    if sign and option.startswith("--"):
        return [*before, option], value, f"{option}="
    return before, begun, ""


def agents() -> list[str]:
    """Agents of the home directory and of this repository."""
    from bottle.adapters.manifests.store import ManifestFiles
    from bottle.cli.environment import read_environment, repository_of

    home = read_environment().home
    return list(ManifestFiles(home, repository_of(Path.cwd(), home)).agent_names())


def running() -> list[tuple[str, str]]:
    """Bottles that nobody saw end."""
    return [_told(one) for one in _kept() if not one.ended_at]


def ended() -> list[tuple[str, str]]:
    """Bottles that ended and left state."""
    return [_told(one) for one in _kept() if one.ended_at]


def identities() -> list[tuple[str, str]]:
    """All of them."""
    return [_told(one) for one in _kept()]


def agents_and_identities() -> list[str | tuple[str, str]]:
    return [*agents(), *identities()]


def backends() -> list[str]:
    from bottle.domain.backends import BACKENDS

    return list(BACKENDS)


def colors() -> list[str]:
    from bottle.domain.labels import COLORS

    return list(COLORS)


def _kept() -> "Iterator[Metadata]":
    from bottle.adapters.state.store import StateFiles
    from bottle.cli.environment import read_environment
    from bottle.domain.errors import BottleError

    state = StateFiles(read_environment().home / "state")
    for identity in state.identities():
        try:
            yield state.read(identity)
        except BottleError:
            continue  # damaged; `bottle list` says so


def _told(one: "Metadata") -> tuple[str, str]:
    return one.identity, f"{one.backend}, {f'ended {one.ended_at}' if one.ended_at else f'since {one.started_at}'}"
