"""The steps of `benchmarks.start_steps` as a picture (SVG): each where it begins and ends, below the floor."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.start_steps import Taken

WIDTH, LEFT, RIGHT, ROW = 720, 290, 60, 20
COLOURS: Final = {"bubblewrap": "#1f6feb", "docker": "#d29922"}
_FLOOR: Final = "#8c959f"
_STYLE: Final = "<style>text{font:12px sans-serif;fill:#57606a}.name{font-weight:bold}</style>"


def drawn(found: Mapping[str, "Taken"]) -> str:
    """All backends on one scale, from the first call to the end of the first command."""
    longest = max(max(_whole(steps), _floor(steps)) for steps in found.values())
    parts, top = [], 10
    for name, steps in found.items():
        parts.append(_group(name, steps, top, (WIDTH - LEFT - RIGHT) / longest))
        top += ROW * (len(steps) + 1) + 14
    size = f'width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{_STYLE}{paper}{"".join(parts)}</svg>\n'


def _floor(steps: "Taken") -> float:
    return next(iter(steps.values()))


def _whole(steps: "Taken") -> float:
    return sum(steps.values()) - _floor(steps)


def _group(name: str, steps: "Taken", top: float, scale: float) -> str:
    """A backend: its name with the whole, the floor, and the steps as a stair."""
    parts = [f'<text x="12" y="{top + 14}" class="name">{name}: {_whole(steps):.0f} ms</text>']
    began = 0.0
    for number, (step, taken) in enumerate(steps.items()):
        across, down = LEFT + began * scale, top + ROW * (number + 1)
        colour = COLOURS[name] if number else _FLOOR
        width = max(taken * scale, 1.0)
        parts += [
            f'<text x="24" y="{down + 14}">{step}</text>',
            f'<rect x="{across:.1f}" y="{down + 4}" width="{width:.1f}" height="{ROW - 7}" fill="{colour}"/>',
            f'<text x="{across + width + 6:.1f}" y="{down + 14}">{taken:.0f}</text>',
        ]
        began += taken if number else 0.0
    return "".join(parts)
