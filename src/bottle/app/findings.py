"""What the scanner found that an agent asks to let pass: told from the audit trail, not from the agent's words."""

from collections.abc import Sequence

from bottle.app.ports import World
from bottle.domain.supervise import Asked, ScanWish
from bottle.domain.trail import Entry, entry_of

_WITHHELD = "dlp.value"
"""The scanner's rule for what a bottle withholds or was given: that never passes, approved or not."""


def evidence(world: World, asked: Asked) -> Sequence[Entry]:
    """The refusals that name the fingerprint that the proposal is about, oldest first."""
    wish = asked.proposal.wish
    if not isinstance(wish, ScanWish):
        return ()
    mark = f"[fingerprint {wish.fingerprint}]"
    entries = (entry_of(line) for line in world.state.audit_lines(asked.proposal.identity) if mark in line)
    return [entry for entry in entries if entry is not None and not entry.allowed and entry.reason.endswith(mark)]


def doubts(found: Sequence[Entry]) -> Sequence[str]:
    """What an operator should know before letting it pass."""
    if not found:
        return ("no refusal of this bottle names it: nobody can say what would pass",)
    if any(entry.rule == _WITHHELD for entry in found):
        return ("it is a value that this bottle withholds: it will not pass, approved or not",)
    return ()
