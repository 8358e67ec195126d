"""The curves of `benchmarks.many` as a picture (SVG): start and memory of one bottle, by how many there are."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.many import Step

WIDTH, HEIGHT, MARGIN = 360, 220, 48
COLOURS: Final = {"bubblewrap": "#1f6feb", "docker": "#d29922"}


def drawn(found: Mapping[str, Sequence["Step"]]) -> str:
    panels = (
        _panel(0, "processor time of a start, ms", found, lambda step: step.start_cpu),
        _panel(WIDTH, "memory of a bottle, MiB", found, lambda step: step.memory),
    )
    size = f'width="{2 * WIDTH}" height="{HEIGHT}" viewBox="0 0 {2 * WIDTH} {HEIGHT}"'
    style = "<style>text{font:11px sans-serif;fill:#57606a}</style>"
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}{paper}{"".join(panels)}</svg>\n'


def _panel(left: int, title: str, found: Mapping[str, Sequence["Step"]], value: Callable[["Step"], float]) -> str:
    """One pair of axes from nought, with a line for each backend."""
    most = max(step.count for steps in found.values() for step in steps)
    highest = max(value(step) for steps in found.values() for step in steps) * 1.15 or 1.0
    right, bottom = left + WIDTH - MARGIN / 2, HEIGHT - MARGIN

    def place(step: "Step") -> tuple[float, float]:
        across = left + MARGIN + (right - left - MARGIN) * step.count / most
        return across, bottom - (bottom - MARGIN / 2) * value(step) / highest

    parts = [
        f'<text x="{left + MARGIN}" y="14">{title}</text>',
        f'<path d="M{left + MARGIN} {MARGIN / 2}V{bottom}H{right}" fill="none" stroke="#8c959f"/>',
        f'<text x="{left + MARGIN - 6}" y="{MARGIN / 2 + 8}" text-anchor="end">{highest:.0f}</text>',
        f'<text x="{left + MARGIN - 6}" y="{bottom}" text-anchor="end">0</text>',
        f'<text x="{right}" y="{bottom + 14}" text-anchor="end">{most} bottles</text>',
    ]
    for number, (name, steps) in enumerate(found.items()):
        points, colour = [place(step) for step in steps], COLOURS[name]
        line = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{colour}"/>' for across, down in points]
        parts.append(f'<text x="{left + MARGIN + 8}" y="{bottom + 28 + 13 * number}" fill="{colour}">{name}</text>')
    return "".join(parts)
