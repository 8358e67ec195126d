"""Colours: two calm themes, and the sixteen names of a label's colour as they are legible on each."""

from textual.theme import Theme

DARK, LIGHT = "bottle-dark", "bottle-light"

_LABELS_ON_DARK = {
    "black": "#848c98",  # no black on black
    "red": "#e07f84",
    "green": "#8fc08a",
    "yellow": "#d8b770",
    "blue": "#7da9dc",
    "magenta": "#c493d3",
    "cyan": "#72bdb9",
    "white": "#e3e6ea",
}
_LABELS_ON_LIGHT = {
    "black": "#24282e",
    "red": "#b03a40",
    "green": "#3a7a36",
    "yellow": "#8a6510",
    "blue": "#2a62a8",
    "magenta": "#85479a",
    "cyan": "#1d7672",
    "white": "#7c828b",  # no white on white
}

THEMES = (
    Theme(
        name=DARK,
        primary="#7da9dc",
        secondary="#72bdb9",
        accent="#7da9dc",
        warning="#d8b770",
        error="#e07f84",
        success="#8fc08a",
        foreground="#cbd0d8",
        background="#14171c",
        surface="#14171c",
        panel="#20262f",
        variables={
            "quiet": "#7f8896",
            "line": "#333b47",
            "chosen": "#26384d",
            **{f"label-{name}": color for name, color in _LABELS_ON_DARK.items()},
        },
    ),
    Theme(
        name=LIGHT,
        primary="#2a62a8",
        secondary="#1d7672",
        accent="#2a62a8",
        warning="#8a6510",
        error="#b03a40",
        success="#3a7a36",
        foreground="#2b2f36",
        background="#faf9f6",
        surface="#faf9f6",
        panel="#eeece6",
        dark=False,
        variables={
            "quiet": "#6d737d",
            "line": "#cfccc4",
            "chosen": "#d6e4f5",
            **{f"label-{name}": color for name, color in _LABELS_ON_LIGHT.items()},
        },
    ),
)


def label_style(color: str) -> str:
    """The style of a label: its colour, bold where that is a bright one; nothing for no colour, or none of ours."""
    name = color.removeprefix("bright-")
    if name not in _LABELS_ON_DARK:
        return ""
    return f"bold $label-{name}" if color != name else f"$label-{name}"
