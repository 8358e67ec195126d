"""bottle completion: the script that teaches a shell to complete bottle's command lines."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


FILES = {Shell.BASH: "bottle.bash", Shell.ZSH: "_bottle", Shell.FISH: "bottle.fish"}


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.", show_default=False)],
) -> int:
    """Print what completes commands in a shell.

    A script; it goes where the shell looks for such, or is read at its start.
    """
    from bottle.cli.render import print_line

    print_line((Path(__file__).parent / "completions" / FILES[shell]).read_text(encoding="utf-8").rstrip())
    return 0
