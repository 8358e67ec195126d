"""bottle explain: what the way out would say to a request."""

from typing import Annotated

import typer

from bottle.cli.options import Agent, AsJson


def explain(
    agent: Agent,
    url: Annotated[str, typer.Argument(help="https://host/path", show_default=False)],
    method: Annotated[str, typer.Option("--method", "-X", help="The request's method.")] = "GET",
    as_json: AsJson = False,
) -> int:
    """Tell what the way out would answer.

    The rule, the reason, the credential that would be added; nothing is sent.
    """
    from bottle.app.explain import explain as explain_request
    from bottle.app.prepare import Wanted, prepare
    from bottle.cli.documents import of_explanation
    from bottle.cli.render import explanation, print_json, print_line
    from bottle.cli.wiring import wire

    plan = prepare(wire(), Wanted(agent)).plan
    answer = explain_request(plan, url, method)
    if as_json:
        print_json(of_explanation(answer.request, answer.verdict))
    else:
        print_line(explanation(answer.request, answer.verdict))
    return 0
