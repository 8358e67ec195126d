"""A proposal, and the operator's answer to it."""

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from attrs import evolve
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button

from bottle.app import findings, proposals, supervise
from bottle.app.ports import ManifestEdit
from bottle.app.supervise import Approval, Reviewed
from bottle.cli.asked import finding
from bottle.dashboard import cells
from bottle.dashboard.dialogs import Question, Words
from bottle.dashboard.forms import AnswerForm, EgressForm, Form, LastingForm
from bottle.dashboard.hosting import ScreenInterruptions, on_screen
from bottle.dashboard.keybar import KeyBar
from bottle.dashboard.tables import Facts
from bottle.domain.errors import BottleError
from bottle.domain.supervise import Asked, CapabilityWish, Decision, EgressWish, ScanWish
from bottle.domain.supervise import Question as Asking
from bottle.domain.supervise_draft import Draft

if TYPE_CHECKING:
    from bottle.dashboard.app import Dashboard

_MOST_FOUND = 3


async def answer(app: "Dashboard", number: str) -> None:
    """Shows a proposal; returns when it was answered, or left for later."""
    found = await app.carried_out(lambda: _found(app, number), "proposal")
    if found is not None:
        await app.push_screen_wait(Answering(app, *found))
        await app.look()


def _found(app: "Dashboard", number: str) -> tuple[Asked, Sequence[str], Sequence[str]]:
    asked = proposals.find(app.world, number)
    found = [finding(entry) for entry in findings.evidence(app.world, asked)]
    return asked, tuple(proposals.concerns_of(app.world, asked)), found[-_MOST_FOUND:]


class Answering(ModalScreen[None]):
    """Everything about one proposal, a form for a yes, and the ways to answer. It stays until an answer was given."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+y", "approve", "Approve"),
        Binding("ctrl+r", "reject", "Reject"),
        Binding("ctrl+e", "edit", "Editor"),
        Binding("escape", "later", "Later"),
    ]

    def __init__(self, program: "Dashboard", asked: Asked, concerns: Sequence[str], found: Sequence[str]) -> None:
        super().__init__()
        self._program, self._asked, self._concerns, self._found = program, asked, concerns, found

    def compose(self) -> ComposeResult:
        proposal = self._asked.proposal
        with Vertical(classes="dialog -answering") as dialog:
            dialog.border_title = cells.text(f"{proposal.identity} asks")
            with VerticalScroll(classes="details"):
                yield self._said()
            yield _form(self._asked)
            with Horizontal(classes="buttons"):
                yield Button("Later", id="later", compact=True)
                yield Button("Reject…", id="reject", variant="error", compact=True)
                yield Button("Approve", id="approve", variant="success", compact=True)
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(Form).begin()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        return action != "edit" or isinstance(self._asked.proposal.wish, EgressWish)

    @on(Button.Pressed)
    async def _pressed(self, event: Button.Pressed) -> None:
        await self.run_action(event.button.id or "later")

    def action_later(self) -> None:
        self.dismiss(None)

    @work(exclusive=True)
    async def action_approve(self) -> None:
        try:
            approval = self.query_one(Form).approval()
        except BottleError as error:
            self._program.tell_error(error)
            return
        await self._approve(approval)

    @work(exclusive=True)
    async def action_edit(self) -> None:
        """The form as a text in the operator's editor; what comes back is approved like the form."""
        form = self.query_one(EgressForm)
        try:
            with self._program.handed_over():
                draft = supervise.edit(self._program.world, self._asked.proposal.identity, form.draft())
        except BottleError as error:
            self._program.tell_error(error)
            return
        if draft is not None:
            form.fill(draft)

    @work(exclusive=True)
    async def action_reject(self) -> None:
        details = cells.text(self._asked.proposal.title)
        reason = await self._program.push_screen_wait(
            Words("Reject", details, placeholder="why not, for the agent to read")
        )
        if reason is not None:
            await self._told(
                await self._program.carried_out(
                    lambda: supervise.reject(self._program.world, self._asked.proposal.id, reason), "reject"
                )
            )

    async def _approve(self, approval: Approval) -> None:
        number = self._asked.proposal.id
        reviewed = await self._program.carried_out(
            lambda: supervise.review(self._program.world, number, approval), "review"
        )
        if reviewed is None:
            return
        agreed = await self._agreed(reviewed)
        if agreed is not None:
            if agreed.fragment is not None:
                self._program.tell(f"{number}: being built, while the bottle works on")
            world = on_screen(self._program.world, ScreenInterruptions(), ask=self._program.ask_secret)
            await self._told(await self._program.carried_out(lambda: supervise.approve(world, agreed), "approve"))

    async def _agreed(self, reviewed: Reviewed) -> Reviewed | None:
        """What the operator still says yes to, after having seen what there is to know about it."""
        if reviewed.concerns:
            details = Content("\n").join([cells.text(concern, "$warning") for concern in reviewed.concerns])
            if not await self._program.push_screen_wait(Question("Approve even so?", details, yes="Approve even so")):
                return None
            reviewed = evolve(reviewed, approval=evolve(reviewed.approval, even_so=True))
        if reviewed.edit is not None and not await self._program.push_screen_wait(
            Question("Write this into your manifest?", _diff(reviewed.edit), yes="Write it")
        ):
            return None
        return reviewed

    async def _told(self, decision: Decision | None) -> None:
        if decision is None:
            return
        failed = decision.state == "failed"
        self._program.tell(
            f"{decision.id} {decision.state}{': ' + decision.reason if failed else ''}",
            severity="error" if failed else "information",
        )
        self.dismiss(None)

    def _said(self) -> Facts:
        proposal, wish = self._asked.proposal, self._asked.proposal.wish
        age = cells.age(proposal.asked_at, self._program.board.now.timestamp())
        return Facts(
            (
                ("wants", cells.text(proposal.title, "bold")),
                ("why", cells.lines(proposal.why)),
                ("lines", cells.lines(wish.fragment) if isinstance(wish, CapabilityWish) else Content()),
                ("found", Content("\n").join([cells.text(found) for found in self._found])),
                ("note", Content("\n").join([cells.text(concern, "$warning") for concern in self._concerns])),
                ("asked", cells.text(f"{age} ago, as {proposal.id}", cells.QUIET)),
            )
        )


def _form(asked: Asked) -> Form:
    match asked.proposal.wish:
        case EgressWish() as wish:
            return EgressForm(Draft(wish))
        case Asking(choices):
            return AnswerForm(choices)
        case ScanWish() | CapabilityWish():
            return LastingForm()


def _diff(edit: ManifestEdit) -> Content:
    """What changes in the file; whole lines, as the command line shows them."""
    before, after = edit.before.splitlines(), edit.after.splitlines()
    styles = {"+": "$success", "-": "$error", "@": cells.QUIET}
    name = str(edit.path)
    found = difflib.unified_diff(before, after, name, name, lineterm="")
    return Content("\n").join([cells.text(line, styles.get(line[:1], "")) for line in found])
