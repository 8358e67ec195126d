"""A label in a listing: in its colour on a terminal that shows any, and never obeyed."""

from bottle.cli.render import row_table
from bottle.domain.state import BottleRow


def _row(label: str, color: str) -> BottleRow:
    return BottleRow("coder-00001", "coder", "claude", "docker", label, color, "2026-01-01T00:00:00", "running")


ROWS = [_row("port", "bright-blue"), _row("", "red"), _row("a\x1b[2Jb", "green"), _row("plain", "")]


def test_a_label_is_shown_in_its_color() -> None:
    lines = row_table(iter(ROWS), colored=True).splitlines()
    assert lines[0].endswith("LABEL")
    assert lines[1].endswith("running  2026-01-01T00:00:00                  \x1b[1;34mport\x1b[0m")
    assert lines[2].endswith("2026-01-01T00:00:00")
    assert lines[3].endswith("\x1b[32ma\\x1b[2Jb\x1b[0m")
    assert lines[4].endswith("  plain")


def test_elsewhere_it_is_plain() -> None:
    assert "\x1b" not in row_table(ROWS)
