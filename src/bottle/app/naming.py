"""What a new bottle is called and shown in, asked where somebody sits who can answer."""

from attrs import evolve

from bottle.app.ports import Operator, World
from bottle.app.prepare import Wanted, check_words
from bottle.domain.errors import UsageError
from bottle.domain.labels import COLORS, label_fault

_TRIES = 3


def named(world: World, wanted: Wanted) -> Wanted:
    """What was wanted, with the label and the colour that the operator chooses where the command line said neither.

    Without a terminal nobody is asked. Raises NotFoundError and ManifestError before that, for an agent that cannot
    be; UsageError for words that cannot be.
    """
    check_words(wanted)
    world.manifests.load(wanted.agent)
    if wanted.label is None:
        wanted = evolve(wanted, label=_label(world.operator, wanted.agent))
    if wanted.color is None:
        wanted = evolve(wanted, color=_color(world.operator))
    return wanted


def _label(operator: Operator, default: str) -> str | None:
    """Enter takes the agent's name (LBL-01)."""
    question = f"bottle: agent label [{default}]: "
    for _ in range(_TRIES):
        line = operator.ask_line(question)
        if line is None:
            return None
        label = line.strip() or default
        fault = label_fault(label)
        if fault is None:
            return label
        question = f"bottle: {fault}; agent label [{default}]: "
    raise UsageError(f"no label after {_TRIES} tries", hint="`--label` says it beforehand")


def _color(operator: Operator) -> str | None:
    """What is no colour counts as none (LBL-02)."""
    line = operator.ask_line("bottle: color (red/green/blue/... or Enter to skip): ")
    color = (line or "").strip().lower()
    return color if color in COLORS else None
