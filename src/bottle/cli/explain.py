"""bottle explain: what the way out would say to a request, and to its body."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bottle.cli.options import Agent, AsJson


def explain(
    agent: Agent,
    url: Annotated[str, typer.Argument(metavar="URL", help="https://host/path", show_default=False)],
    method: Annotated[str, typer.Option("--method", "-X", metavar="METHOD", help="The request's method.")] = "GET",
    body: Annotated[
        str | None,
        typer.Option(
            "--body",
            metavar="FILE",
            help="A file that the scanner judges as its body; `-` is standard input.",
            show_default=False,
        ),
    ] = None,
    content_encoding: Annotated[
        str, typer.Option("--content-encoding", metavar="NAME", help="How the body is packed: gzip, br, ...")
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Tell what the way out would answer.

    The rule, the reason, the credential that would be added, and what the scanner finds in a body; nothing is sent.
    """
    from bottle.app.explain import explain as explain_request
    from bottle.app.explain import explain_body
    from bottle.app.prepare import Wanted, prepare
    from bottle.cli.documents import of_explanation, of_scanned_body
    from bottle.cli.render import explanation, print_json, print_line
    from bottle.cli.wiring import wire

    content = None if body is None else _content(body)
    world = wire()
    plan = prepare(world, Wanted(agent)).plan
    answer = explain_request(plan, url, method)
    said = None if content is None else explain_body(world, plan, answer, content, content_encoding)
    if as_json:
        scanned = {"body": of_scanned_body(said)} if said is not None else {}
        print_json({**of_explanation(answer.request, answer.verdict), **scanned})
    else:
        print_line(explanation(answer.request, answer.verdict, said))
    return 0


def _content(body: str) -> bytes:
    """Read here and not by Typer, which opens files also while a shell completes. Raises UsageError."""
    from bottle.domain.errors import UsageError

    try:
        return sys.stdin.buffer.read() if body == "-" else Path(body).read_bytes()
    except OSError as error:
        raise UsageError(f"--body: {body}: {error.strerror}") from None
