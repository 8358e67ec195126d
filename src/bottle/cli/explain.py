"""bottle explain: what the way out would say to a request, and to its body."""

from typing import Annotated

import typer

from bottle.cli.options import Agent, AsJson


def explain(
    agent: Agent,
    url: Annotated[str, typer.Argument(metavar="URL", help="https://host/path", show_default=False)],
    method: Annotated[str, typer.Option("--method", "-X", metavar="METHOD", help="The request's method.")] = "GET",
    body: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(
            "--body",
            metavar="FILE",
            help="A file that the scanner judges as its body; `-` is standard input.",
            lazy=False,
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

    world = wire()
    plan = prepare(world, Wanted(agent)).plan
    answer = explain_request(plan, url, method)
    said = explain_body(world, plan, answer, body.read(), content_encoding) if body is not None else None
    if as_json:
        scanned = {"body": of_scanned_body(said)} if said is not None else {}
        print_json({**of_explanation(answer.request, answer.verdict), **scanned})
    else:
        print_line(explanation(answer.request, answer.verdict, said))
    return 0
