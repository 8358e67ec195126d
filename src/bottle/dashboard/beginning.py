"""A new bottle: agent, label and colour, backend, working tree, preflight, start."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from bottle.app.ports import World
from bottle.app.prepare import Prepared, Wanted, prepare
from bottle.app.resume import prepare_resumed
from bottle.app.start import run_detached
from bottle.dashboard import bottles, cells
from bottle.dashboard.dialogs import Choice, Picked, Words
from bottle.dashboard.hosting import ScreenInterruptions, on_screen
from bottle.dashboard.palette import label_style
from bottle.dashboard.starting import Preflight, Starting
from bottle.domain.labels import COLORS, label_fault

if TYPE_CHECKING:
    from bottle.dashboard.app import Dashboard

NO_AGENT = "no agent is defined yet: `bottle init` writes first manifests"


async def begin(app: "Dashboard") -> None:
    """Asks what is wanted, shows what it comes to, and starts it. Escape ends it at every point."""
    wanted = await _wanted(app)
    if wanted is not None:
        await _start(app, lambda: prepare(app.world, wanted))


async def resume(app: "Dashboard", identity: str) -> None:
    """Shows what the bottle comes to now, and starts it again with what was kept of it."""
    await _start(app, lambda: prepare_resumed(app.world, identity))


async def _start(app: "Dashboard", preparing: Callable[[], Prepared]) -> None:
    prepared = await app.carried_out(preparing, "prepare")
    if prepared is None:
        return
    go = await app.push_screen_wait(Preflight(prepared, app.world.manifests.warnings()))
    if go is None:
        return
    identity = await _started(app, prepared)
    await app.look()
    if identity is not None and go == "attach":
        await bottles.attach(app, identity)


async def _wanted(app: "Dashboard") -> Wanted | None:
    agents = await app.carried_out(app.world.manifests.agent_names, "agents")
    if not agents:
        app.tell(NO_AGENT, severity="warning")
        return None
    agent = await _pick(app, "Which agent?", [Picked(name, cells.text(name)) for name in agents])
    label = await _label(app, agent) if agent is not None else None
    color = await _pick(app, "In which colour?", _colors(label)) if label is not None else None
    backend = await _pick(app, "In what kind of box?", await _backends(app)) if color is not None else None
    tree = await _pick(app, "With which files?", _trees(app.directory)) if backend is not None else None
    if agent is None or label is None or color is None or backend is None or tree is None:
        return None
    return Wanted(
        agent=agent,
        backend=backend or None,
        label=label,
        color=color,
        cwd=tree,
        copy_cwd=bool(tree),
    )


async def _pick(app: "Dashboard", title: str, offered: Sequence[Picked]) -> str | None:
    return await app.push_screen_wait(Choice(title, offered))


async def _label(app: "Dashboard", agent: str) -> str | None:
    """What to call it; the agent's name is what Enter alone says."""
    details = cells.text("What shall it be called in lists?")
    while True:
        label = await app.push_screen_wait(Words("A label", details, value=agent))
        fault = label_fault(label) if label is not None else None
        if fault is None:
            return label
        details = cells.text(fault, "$warning")


def _colors(label: str | None) -> Sequence[Picked]:
    plain = Picked("", Content.styled("none", cells.QUIET))
    return [plain, *(Picked(name, cells.text(f"{label}  {name}", label_style(name))) for name in COLORS)]


async def _backends(app: "Dashboard") -> Sequence[Picked]:
    usual = Picked("", cells.text("as the manifest says, else the first that works here"))
    return [usual, *(await app.carried_out(lambda: _surveyed(app.world), "survey") or ())]


def _surveyed(world: World) -> Sequence[Picked]:
    """Each backend, with what it lacks; one that cannot be used cannot be chosen."""
    found = [(name, backend.survey()) for name, backend in world.backends.items()]
    return [
        Picked(
            name,
            cells.text(name)
            + cells.text(
                f"  {survey.reason or ', '.join(wall.name for wall in survey.walls if wall.present)}", cells.QUIET
            ),
            disabled=not survey.usable,
        )
        for name, survey in found
    ]


def _trees(directory: str) -> Sequence[Picked]:
    return [Picked("", cells.text("an empty workspace")), Picked(directory, cells.text(f"a copy of {directory}"))]


async def _started(app: "Dashboard", prepared: Prepared) -> str | None:
    """The identity of the bottle that runs now; None where none does, and the operator was told why."""
    interruptions = ScreenInterruptions()
    screen = Starting(prepared.plan.identity, interruptions)
    world = on_screen(
        app.world,
        interruptions,
        ask=app.ask_secret,
        step=lambda text: app.call_from_thread(screen.step, text),
        detail=lambda text: app.call_from_thread(screen.detail, text),
    )
    await app.push_screen(screen)
    app.starting = interruptions
    try:
        bottle = await app.carried_out(lambda: run_detached(world, prepared), "start")
    finally:
        app.starting = None
        screen.dismiss(None)
    if bottle is not None:
        app.tell(f"{bottle.identity} runs")
    return bottle.identity if bottle is not None else None
