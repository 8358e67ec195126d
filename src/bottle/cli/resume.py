"""bottle resume: the same bottle again, with its transcript."""

from bottle.cli.options import Arguments, AsJson, Detach, Ended, RemoteControl, Yes


def resume(
    identity: Ended,
    arguments: Arguments = None,
    remote_control: RemoteControl = False,
    yes: Yes = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> int:
    """Start a bottle again that has ended.

    The agent goes on with its last session. Its manifest counts as it is now. The workspace is as it was left,
    where it was kept; else it is copied anew. The exit status is the agent's; bottle's own failures are their
    status + 100.
    """
    from bottle.app.resume import prepare_resumed
    from bottle.cli.starting import attached, confirm, detached
    from bottle.cli.wiring import wire

    world = wire()
    prepared = prepare_resumed(world, identity, arguments=tuple(arguments or ()), remote_control=remote_control)
    confirm(world, prepared, yes=yes)
    return detached(world, prepared, as_json=as_json) if detach else attached(world, prepared)
