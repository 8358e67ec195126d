"""Options that several commands share, each defined once."""

from typing import Annotated

import typer

Agent = Annotated[
    str, typer.Argument(help="An agent of ~/.bot-bottle/agents or of this repository.", show_default=False)
]
Identity = Annotated[str, typer.Argument(help="A bottle, as `bottle list` names it.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Backend = Annotated[
    str | None, typer.Option("--backend", help="docker, bubblewrap or smolmachines.", show_default=False)
]
Cwd = Annotated[bool, typer.Option("--cwd/--no-cwd", help="Copy this directory in as the workspace.")]
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
    str | None, typer.Option(help="What to call this bottle in lists; `start` asks for it.", show_default=False)
]
Color = Annotated[str | None, typer.Option(help="The colour of its label; likewise.", show_default=False)]
RemoteControl = Annotated[bool, typer.Option("--remote-control", help="Let the agent be steered remotely.")]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Leave the bottle running and return.")]
Arguments = Annotated[list[str] | None, typer.Argument(help="For the agent program, after `--`.", show_default=False)]
