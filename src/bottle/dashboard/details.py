"""One bottle, closely: what it is, what it may reach, what it did."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static, TabbedContent, TabPane

from bottle.app.inspection import Inspection
from bottle.cli.render import information_facts, size
from bottle.dashboard import cells
from bottle.dashboard.keybar import KeyBar
from bottle.dashboard.palette import label_style
from bottle.dashboard.tables import Facts, sections, table
from bottle.domain.egress import Route

_NOTHING = "$quiet"


class Details(Screen[None]):
    """A bottle in tabs. It is as it was when it was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Back", key_display="esc"),
        Binding("left", "turn(-1)", "Tab before", show=False),
        Binding("right", "turn(1)", "Next tab", key_display="→"),
    ]

    def __init__(self, found: Inspection) -> None:
        super().__init__()
        self._found = found

    def compose(self) -> ComposeResult:
        metadata = self._found.metadata
        head = cells.text(metadata.label or metadata.agent_name, label_style(metadata.color) or "bold")
        yield Static(head + cells.text(f"  {metadata.identity}", cells.QUIET), id="head", markup=False)
        with TabbedContent():
            for title, content in self._tabs():
                with TabPane(Content(title)), VerticalScroll():
                    yield content if isinstance(content, Widget) else Static(content, classes="page", markup=False)
        yield KeyBar()

    def action_close(self) -> None:
        self.dismiss(None)

    def action_turn(self, by: int) -> None:
        tabs = self.query_one(TabbedContent)
        panes = [pane.id or "" for pane in tabs.query(TabPane)]
        tabs.active = panes[(panes.index(tabs.active) + by) % len(panes)]

    def _tabs(self) -> tuple[tuple[str, Content | Widget], ...]:
        found = self._found
        return (
            ("Bottle", _bottle(found)),
            ("May reach", _reach(found)),
            ("Git", _git(found)),
            ("Traffic", _traffic(found)),
            ("Asked", _asked(found)),
            ("Plan", _plan(found)),
        )


def _bottle(found: Inspection) -> Facts:
    metadata = found.metadata
    ended = f"{metadata.ended_at[:19]}, status {'none' if metadata.exit_status is None else metadata.exit_status}"
    return Facts(
        (
            ("agent", cells.text(metadata.agent_name)),
            ("bottle", cells.text(metadata.bottle)),
            ("backend", cells.text(metadata.backend)),
            ("started", cells.text(metadata.started_at[:19])),
            ("ended", cells.text(ended if metadata.ended_at else "")),
            ("directory", cells.text(metadata.cwd)),
            ("runs", cells.text(" ".join(metadata.argv))),
            ("requests", cells.text(f"{found.traffic.requests}, {found.traffic.refused} refused")),
            ("asked", cells.text(str(len(found.asked)))),
            ("attach", cells.text(f"bottle attach {metadata.identity}", cells.QUIET)),
            ("bring home", cells.text(f"bottle export {metadata.identity}", cells.QUIET)),
        )
    )


def _reach(found: Inspection) -> Content:
    if found.policy is not None:
        routes, note = found.policy.routes, "What its way out judges by now."
    elif found.plan is not None:
        routes, note = found.plan.policy.routes, "What its manifests name now; it may have started with others."
    else:
        return _unread(found)
    if not routes:
        return Content.styled("Nothing: no route is named.", _NOTHING)
    rows = [_route(route) for route in routes]
    return table(("HOST", "METHODS", "PATHS", "CREDENTIAL", "BECAUSE OF"), rows) + Content.styled(
        f"\n\n{note}", _NOTHING
    )


def _route(route: Route) -> tuple[Content, ...]:
    ports = ",".join(str(port) for port in route.ports)
    credential = Content.styled("put in", "$success") if route.inject else Content.styled("none", cells.QUIET)
    return (
        cells.text(f"{route.host.text}:{ports}"),
        cells.text(" ".join(route.methods) or "any"),
        cells.text(" ".join(route.paths) or "any"),
        credential,
        cells.text(route.source, "$warning" if route.grant else cells.QUIET),
    )


def _git(found: Inspection) -> Content:
    if found.plan is None:
        return _unread(found)
    remotes = found.plan.remotes
    if not remotes:
        return Content.styled("No remote is named: work comes home with `bottle export`.", _NOTHING)
    rows = [(cells.text(host), cells.text(str(remote.upstream))) for host, remote in remotes.items()]
    return table(("THE AGENT SAYS", "THE GATE GOES TO"), rows)


def _traffic(found: Inspection) -> Content:
    traffic = found.traffic
    if not traffic.requests:
        return Content.styled("Nothing was asked for.", _NOTHING)
    hosts = table(
        ("HOST", "ALLOWED", "REFUSED", "OUT", "IN"),
        [
            (
                cells.text(host.host),
                Content(str(host.allowed)),
                Content.styled(str(host.refused), "$error" if host.refused else cells.QUIET),
                Content(size(host.bytes_out)),
                Content(size(host.bytes_in)),
            )
            for host in traffic.hosts
        ],
    )
    mishaps = [
        (Content(f"{mishap.count} x"), cells.text(mishap.host), cells.text(f"{mishap.rule}: {mishap.reason}"))
        for mishap in traffic.mishaps
    ]
    refused = table(("TIMES", "HOST", "RULE AND REASON"), mishaps) if mishaps else Content()
    return sections((("Hosts", hosts), ("Refused or failed", refused)))


def _asked(found: Inspection) -> Content:
    if not found.asked:
        return Content.styled("Nothing was asked.", _NOTHING)
    rows = [
        (
            cells.text(one.proposal.id, cells.QUIET),
            cells.kind(one.proposal.kind),
            cells.text(state, "$warning" if state == "pending" else ""),
            cells.text(one.proposal.title),
            cells.text((one.decision.answer or one.decision.reason) if one.decision else "", cells.QUIET),
        )
        for one, state in found.asked
    ]
    return table(("ID", "WANTS TO", "STATE", "WHAT", "SAID"), rows)


def _plan(found: Inspection) -> Content | Facts:
    if found.plan is None:
        return _unread(found)
    note = ("", Content.styled("what its manifests come to now; it may have started with others", _NOTHING))
    return Facts([*((name, cells.text(said)) for name, said in information_facts(found.plan)), note])


def _unread(found: Inspection) -> Content:
    hint = f"\n{found.fault.hint}" if found.fault and found.fault.hint else ""
    return cells.lines(f"Its manifests cannot be read: {found.fault}{hint}", "$warning")
