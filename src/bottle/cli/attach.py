"""bottle attach: the agent program of a running bottle, on this terminal."""

from bottle.cli.options import Running


def attach(identity: Running) -> int:
    """Open the agent in a running bottle.

    Leaving it does not stop the bottle.
    """
    from bottle.app.inventory import agent_argv, find
    from bottle.cli.wiring import wire

    world = wire()
    bottle = find(world, identity)
    return bottle.attach(agent_argv(world, identity))
