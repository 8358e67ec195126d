"""What a person calls a bottle and the colour it is shown in."""

LONGEST_LABEL = 64
"""In bytes of UTF-8 (LBL-01)."""

_BASE = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
COLORS: tuple[str, ...] = (*_BASE, *(f"bright-{name}" for name in _BASE))
"""The sixteen ANSI colours by name (LBL-02)."""


def label_fault(label: str) -> str | None:
    """Why the text cannot be a label, or None."""
    if len(label.encode()) > LONGEST_LABEL:
        return f"a label has at most {LONGEST_LABEL} bytes"
    return None if label.isprintable() else "a label has printable characters only"
