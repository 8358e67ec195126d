"""bottle info: what an agent's bottle comes to."""

from bottle.cli.options import Agent, AsJson, Backend


def info(agent: Agent, backend: Backend = None, as_json: AsJson = False) -> int:
    """Show what an agent's bottle comes to.

    Environment, routes, walls, image and git identity, each with its source; never a secret value.
    """
    from bottle.app.prepare import Wanted, prepare
    from bottle.cli.documents import of_info
    from bottle.cli.render import information, print_json, print_line, warn
    from bottle.cli.wiring import wire

    world = wire()
    plan = prepare(world, Wanted(agent, backend)).plan
    for warning in world.manifests.warnings():
        warn(warning)
    if as_json:
        print_json(of_info(plan))
    else:
        print_line(information(plan))
    return 0
