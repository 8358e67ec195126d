"""What is released: the same from the same commit, and it works where nothing else of bottle is."""

import hashlib
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest

from scripts import release

CHECKOUT = Path(__file__).parents[2]
EPOCH = "1577836800"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source archive and wheel, as a release builds them."""
    folder = tmp_path_factory.mktemp("dist")
    release.build(CHECKOUT, folder, EPOCH)
    return folder


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_source_archive_builds_the_very_same_wheel(built: Path, tmp_path: Path) -> None:
    """Byte for byte: whoever has the sources can see that the wheel is of them. The commit goes along without git."""
    (source,) = built.glob("*.tar.gz")
    subprocess.run(["tar", "--extract", "--file", source, "--directory", tmp_path], check=True)
    (root,) = tmp_path.iterdir()
    release.build(root, tmp_path / "dist", EPOCH)
    (wheel,) = built.glob("*.whl")
    (again,) = (tmp_path / "dist").glob("*.whl")
    assert digest(again) == digest(wheel)


def test_the_source_archive_has_all_that_the_targets_need(built: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tracked = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    assert {name for name in tracked.split() if not name.startswith(".git")} <= names
    assert not [name for name in names if ".venv" in name or name.endswith(".pyc")]


def test_a_new_users_first_steps_with_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    """The wheel's own files and programs; what it depends on is borrowed from this environment. `make release` does the
    same with all of it installed."""
    environment = tmp_path / "environment"
    venv.create(environment)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin/python"), "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, str(wheel)], check=True, timeout=100)
    (site,) = environment.glob("lib/python*/site-packages")
    borrowed = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "borrowed.pth").write_text(f"{borrowed}\n")
    release.try_out(environment / "bin", tmp_path)


def test_checksums_are_those_that_sha256sum_checks(tmp_path: Path) -> None:
    for name in ("b.whl", "a.tar.gz"):
        (tmp_path / name).write_text(name)
    (tmp_path / "SHA256SUMS").write_text(release.checksums(tmp_path))
    checked = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert checked.stdout == "a.tar.gz: OK\nb.whl: OK\n"
