"""bottle dashboard: all of it on one screen."""

import sys
from pathlib import Path


def dashboard() -> int:
    """Watch and steer bottles on one screen.

    Start, attach to and stop them, and answer stuck agents. Bottles go on when it is left.
    """
    from bottle.cli.environment import read_environment
    from bottle.cli.wiring import wire
    from bottle.domain.errors import UsageError

    environment = read_environment()
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or environment.dumb:
        raise UsageError("the dashboard needs a terminal", hint="`bottle list` and `bottle supervise` need none")
    from bottle.dashboard.app import Dashboard
    from bottle.dashboard.terminal import watch

    app = Dashboard(wire(), str(Path.cwd()), color=environment.color)
    watch(lambda: app.busy)
    app.run()
    if app.fault is not None:
        raise app.fault
    return app.status
