"""The wheel works where no checkout is: it carries what images are built from, and makes the same images."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bottle.adapters.release import commit
from bottle.cli.version import version
from scripts import build_hook

CHECKOUT = Path(__file__).parents[2]
MAKE_TAGS = """
from bottle.adapters import build_context
import bottle
print(bottle.__file__)
print(build_context.own("sidecar").image.tag)
print(build_context.own("claude").image.tag)
"""


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel's content, as an installer lays it out."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(site: Path, *argv: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Runs Python outside the checkout, with the wheel's packages before all others."""
    environment = {**os.environ, "PYTHONPATH": str(site), "BOT_BOTTLE_HOME": str(home)}
    return subprocess.run(
        [sys.executable, *argv], cwd=home, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_installed_bottle_makes_the_images_of_the_checkout(site: Path, tmp_path: Path) -> None:
    installed = run(site, "-c", MAKE_TAGS, home=tmp_path)
    checkout = run(CHECKOUT / "src", "-c", MAKE_TAGS, home=tmp_path)
    assert installed.returncode == 0, installed.stderr
    where, *tags = installed.stdout.split()
    assert where.startswith(str(site))
    assert tags == checkout.stdout.split()[1:]


def test_an_installed_bottle_writes_first_manifests_and_explains_them(site: Path, tmp_path: Path) -> None:
    program = ("-c", "from bottle.cli.main import main; main()")
    assert run(site, *program, "init", "--for", "claude", home=tmp_path).returncode == 0
    told = run(site, *program, "info", "coder", home=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "https://api.anthropic.com:443" in told.stdout


def test_the_wheel_carries_sources_and_no_leftovers(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "bottle/_bundle/images/claude/Dockerfile" in names
    assert "bottle/_bundle/sidecars/egress/main.py" in names
    assert "bottle/py.typed" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_carries_the_manual_and_what_shells_complete_by(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        data = {name.partition(".data/data/")[2] for name in archive.namelist() if ".data/data/" in name}
    assert data == {
        "share/man/man1/bottle.1",
        "share/bash-completion/completions/bottle",
        "share/zsh/site-functions/_bottle",
        "share/fish/vendor_completions.d/bottle.fish",
    }


def test_an_installed_bottle_knows_its_commit_without_git(site: Path, tmp_path: Path) -> None:
    """What the checkout asks git for stands in the wheel, in the same words."""
    program = "import os; os.environ.clear(); from bottle.cli.main import main; main()"
    told = run(site, "-c", program, "--version", home=tmp_path).stdout
    assert told == f"{version()}\n"
    assert build_hook.known_commit(CHECKOUT) in told


def test_a_repository_elsewhere_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIT_DIR, as hooks have it, names a repository that is not bottle's; an unpacked archive has none."""
    monkeypatch.setenv("GIT_DIR", str(CHECKOUT / ".git"))
    assert commit(tmp_path / "none", tmp_path) == ""
    assert build_hook.known_commit(tmp_path) == ""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True, env={"PATH": os.environ["PATH"]})
    assert commit(tmp_path / "none", tmp_path) == "", "it has no commit yet"
    (tmp_path / "COMMIT").write_text("0123456789ab\n")
    assert build_hook.known_commit(tmp_path) == "0123456789ab"
