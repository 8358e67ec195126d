"""Draws the demo as it goes by: runs `make demo`'s program and writes docs/pictures/demo.svg, `make recording`.

Each line appears at its own time; long waits are cut short. Viewers that move nothing show all of it.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

from attrs import frozen
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "pictures" / "demo.svg"
_WIDTH = 126
_LONGEST_WAIT = 1.0
_SHORTEST_WAIT = 0.12
"""Seconds of the picture's."""
_COLORS = (
    (re.compile(r"^\$ .*"), "bold"),
    (re.compile(r"^  ok(?=  )"), "green"),
    (re.compile(r"^  has(?=  )"), "green"),
    (re.compile(r"^  LACKS(?=  )"), "yellow"),
    (re.compile(r"^  FAILED"), "bold red"),
    (re.compile(r"^Every promise held.*"), "bold green"),
)
_MOTION = """
    .demo-matrix text { animation: said 0.1s backwards; }
    @keyframes said { from { opacity: 0; } }
    @media (prefers-reduced-motion: reduce) { .demo-matrix text { animation: none; } }
"""
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_LINE = re.compile(r'<text (?=[^>]*clip-path="url\(#demo-line-(\d+)\)")')


@frozen
class Said:
    """A line, and when it came, in seconds from the beginning."""

    line: str
    at: float


def main() -> int:
    said = list(recorded([sys.executable, "-u", str(ROOT / "scripts" / "demo.py"), *sys.argv[1:]]))
    if not any(one.line.startswith("Every promise held") for one in said):
        return 1
    PICTURE.write_text(drawn(shortened(said)))
    print(PICTURE)
    return 0


def recorded(argv: Sequence[str]) -> Iterable[Said]:
    """What a program prints, as it comes."""
    begin = time.monotonic()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            yield Said(line.rstrip("\n"), time.monotonic() - begin)


def shortened(said: Iterable[Said]) -> list[Said]:
    """The same with no wait so long that one looks away, and none so short that nothing seems to happen."""
    shown: list[Said] = []
    before = now = 0.0
    for one in said:
        now += min(max(one.at - before, _SHORTEST_WAIT), _LONGEST_WAIT)
        before = one.at
        shown.append(Said(one.line, now))
    return shown


def drawn(said: Sequence[Said]) -> str:
    """The picture (SVG)."""
    console = Console(record=True, width=_WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    for one in said:
        console.print(_colored(one.line), no_wrap=True, overflow="ellipsis", crop=True)
    picture = _FONT_FACE.sub("", console.export_svg(title="make demo", unique_id="demo"))
    picture = picture.replace("</style>", f"{_MOTION}    </style>", 1)
    return _LINE.sub(lambda found: f'<text style="animation-delay: {said[int(found[1])].at:.2f}s" ', picture)


def _colored(line: str) -> Text:
    text = Text(line)
    for pattern, style in _COLORS:
        text.highlight_regex(pattern, style)
    return text


if __name__ == "__main__":
    sys.exit(main())
