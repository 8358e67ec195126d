"""What judges traffic is the same everywhere: the sidecar's image and an installed bottle pin the same releases."""

import re
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PINNED = re.compile(r"^(h11|httptools|uvloop|wsproto)==(\S+)", re.MULTILINE)


def test_the_image_and_the_wheel_pin_the_same_engine() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    wheel = PINNED.findall("\n".join(project["dependencies"]))
    image = PINNED.findall((CHECKOUT / "images/sidecar/requirements.txt").read_text())
    assert len(wheel) == 4
    assert wheel == image
