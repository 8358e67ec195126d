"""Options that several commands share, each defined once."""

from typing import Annotated

import typer

from bottle.cli import completing

_IDENTITY = "A bottle, as `bottle list` names it."
Agent = Annotated[
    str,
    typer.Argument(
        metavar="AGENT",
        help="An agent of ~/.bot-bottle/agents or of this repository.",
        show_default=False,
        autocompletion=completing.agents,
    ),
]
Identity = Annotated[
    str, typer.Argument(metavar="IDENTITY", help=_IDENTITY, show_default=False, autocompletion=completing.identities)
]
Running = Annotated[
    str, typer.Argument(metavar="IDENTITY", help=_IDENTITY, show_default=False, autocompletion=completing.running)
]
Ended = Annotated[
    str, typer.Argument(metavar="IDENTITY", help=_IDENTITY, show_default=False, autocompletion=completing.ended)
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Backend = Annotated[
    str | None,
    typer.Option(
        "--backend",
        metavar="NAME",
        help="docker, bubblewrap or smolmachines.",
        show_default=False,
        autocompletion=completing.backends,
    ),
]
Cwd = Annotated[
    bool, typer.Option("--cwd/--no-cwd", help="Copy this directory in as the workspace.", show_default=False)
]
Include = Annotated[
    list[str] | None,
    typer.Option(
        help="With --cwd: copy this too, though .gitignore leaves it out or it may hold secrets.",
        metavar="PATTERN",
        show_default=False,
    ),
]
KeepWorkspace = Annotated[
    bool,
    typer.Option("--keep-workspace", help="With --cwd: keep what became of it, for `bottle export` and `resume`."),
]
Label = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="What to call this bottle in lists; `start` asks for it.", show_default=False),
]
Color = Annotated[
    str | None,
    typer.Option(
        metavar="COLOR", help="The colour of its label; likewise.", show_default=False, autocompletion=completing.colors
    ),
]
RemoteControl = Annotated[bool, typer.Option("--remote-control", help="Let the agent be steered remotely.")]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Leave the bottle running and return.")]
Arguments = Annotated[
    list[str] | None, typer.Argument(metavar="[-- ARG...]", help="For the agent program.", show_default=False)
]
