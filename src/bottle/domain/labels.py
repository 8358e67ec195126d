"""What a person calls a bottle and the colour it is shown in."""

from typing import Final

LONGEST_LABEL = 64
"""In bytes of UTF-8 (LBL-01)."""

_BASE = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_BRIGHT: Final = "bright-"
COLORS: tuple[str, ...] = (*_BASE, *(f"{_BRIGHT}{name}" for name in _BASE))
"""The sixteen ANSI colours by name (LBL-02)."""


def label_fault(label: str) -> str | None:
    """Why the text cannot be a label, or None."""
    if not label.isprintable():
        return "a label has printable characters only"
    return f"a label has at most {LONGEST_LABEL} bytes" if len(label.encode()) > LONGEST_LABEL else None


def escape_of(color: str) -> str:
    """What a terminal is told to write in the colour (ECMA-48 8.3.117); a bright one is the plain one in bold (LBL-07).
    Empty for no colour."""
    if color not in COLORS:
        return ""
    weight = "1;" if color.startswith(_BRIGHT) else ""
    return f"\x1b[{weight}{30 + _BASE.index(color.removeprefix(_BRIGHT))}m"


def painted(text: str, color: str) -> str:
    """The text in the colour, and what comes after it as before."""
    escape = escape_of(color)
    return f"{escape}{text}\x1b[0m" if escape else text
