"""What keys do to a bottle that is there: look closely, attach, stop, read its log."""

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from bottle.app import inspection, inventory
from bottle.cli.trail import readable
from bottle.dashboard import cells
from bottle.dashboard.details import Details
from bottle.dashboard.dialogs import Question, Reading
from bottle.domain.errors import BottleError

if TYPE_CHECKING:
    from bottle.dashboard.app import Dashboard

_MOST_LINES = 5000
"""Of a log that is read on the screen; the newest are shown."""


async def show_details(app: "Dashboard", identity: str) -> None:
    found = await app.carried_out(lambda: inspection.inspect(app.world, identity), "details")
    if found is not None:
        app.push_screen(Details(found))


async def attach(app: "Dashboard", identity: str) -> None:
    """Gives the terminal to the bottle's agent until it ends; the bottle goes on."""
    found = await app.carried_out(
        lambda: (inventory.find(app.world, identity), inventory.agent_argv(app.world, identity)), "attach"
    )
    if found is None:
        return
    bottle, argv = found
    try:
        with app.handed_over():
            status = bottle.attach(argv)
    except BottleError as error:
        app.tell_error(error)
    except KeyboardInterrupt as interruption:
        app.ended_by(*interruption.args)
    else:
        app.tell(f"{identity}: the agent ended with status {status}; the bottle goes on")
    await app.look()


async def stop(app: "Dashboard", identity: str) -> None:
    details = cells.text(f"{identity} and what is in it go away; its audit trail is kept.")
    if not await app.push_screen_wait(Question("Stop this bottle?", details, yes="Stop it")):
        return
    app.tell(f"stopping {identity}")

    def deed() -> bool:
        inventory.stop(app.world, identity)
        return True

    if await app.carried_out(deed, "stop"):
        app.tell(f"stopped {identity}")
    await app.look()


async def show_log(app: "Dashboard", identity: str) -> None:
    """The end of the audit trail, and of the sidecar's own log."""

    def deed() -> tuple[str, str]:
        trail = list(readable(app.world.state.audit_end(identity).added()))[-_MOST_LINES:]
        sidecar = inventory.sidecar_log(app.world, identity).decode("utf-8", "replace")
        return "\n".join(trail), "\n".join(sidecar.splitlines()[-_MOST_LINES:])

    found = await app.carried_out(deed, "log")
    if found is not None:
        trail, sidecar = found
        parts = (("Audit trail, its end", trail), ("The sidecar's own log, its end", sidecar))
        app.push_screen(Reading(f"Log of {identity}", Static(_log(parts), markup=False)))


def _log(parts: tuple[tuple[str, str], ...]) -> Content:
    shown = [
        Content.styled(title, "bold") + "\n" + (cells.lines(said) or Content.styled("empty", cells.QUIET))
        for title, said in parts
    ]
    return Content("\n\n").join(shown)
