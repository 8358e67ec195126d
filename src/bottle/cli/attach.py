"""bottle attach: the agent program of a running bottle, on this terminal."""

from bottle.cli.options import Running


def attach(identity: Running) -> int:
    """Open the agent in a running bottle.

    Leaving it does not stop the bottle.
    """
    from bottle.app.inventory import agent_argv
    from bottle.app.visiting import visit
    from bottle.cli.wiring import wire

    world = wire()
    return visit(world, identity, agent_argv(world, identity))
