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
