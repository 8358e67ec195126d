"""Builds what is released, into dist/, and tries it out as a new user would: `make release`.

The same commit gives the same wheel and source archive, byte for byte. The bill of materials lists what an installation
of the wheel comes to today.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
TOOLS = ROOT / "build" / "release-tools" / "bin"


def main() -> None:
    if said := git("status", "--porcelain"):
        sys.exit(f"a release is of a commit, and these files are of none:\n{said}")
    shutil.rmtree(DIST, ignore_errors=True)
    build(ROOT, DIST, git("log", "-1", "--format=%ct"))
    (wheel,) = DIST.glob("*.whl")
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "environment"
        venv.create(environment)
        run([sys.executable, "-m", "pip", "--python", environment / "bin/python", "install", "--quiet", wheel])
        try_out(environment / "bin", Path(folder))
        bill(environment / "bin/python", DIST / f"{wheel.stem.removesuffix('-py3-none-any')}.cdx.json")
    (DIST / "SHA256SUMS").write_text(checksums(DIST))
    print(checksums(DIST), end="")


def build(root: Path, target: Path, epoch: str) -> None:
    """Source archive and wheel of a tree, with the times of their files set to `epoch` (seconds since 1970)."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch}
    run([sys.executable, "-m", "hatchling", "build", "-d", target], cwd=root, env=environment)


def try_out(programs: Path, folder: Path) -> None:
    """A new user's first steps with an installed bottle, whose programs are in this directory. `folder` is empty enough
    to be a home. Raises CalledProcessError or AssertionError where one does not work."""
    home = folder / "home"
    home.mkdir()
    env = {"HOME": str(home), "PATH": f"{programs}:/usr/bin:/bin", "BOT_BOTTLE_CLAUDE_OAUTH_TOKEN": "made-up"}
    bottle = programs / "bottle"
    assert run([bottle, "--version"], env=env).startswith("bottle ")
    assert "bottle start" in run([bottle, "--help"], env=env)
    assert "coder.md" in run([bottle, "init", "--for", "claude"], env=env)
    # Whether an agent could be started here is the machine's matter; that every part of bottle is there is ours.
    assert json.loads(run([bottle, "doctor", "--json"], env=env, check=False))
    assert json.loads(run([bottle, "info", "coder", "--json"], env=env))["egress"]
    refused = json.loads(run([bottle, "explain", "coder", "https://example.com/", "--json"], env=env))
    assert refused["allowed"] is False
    for name in ("claude", "codex", "sidecar"):
        (dockerfile,) = programs.parent.glob(f"lib/python*/site-packages/bottle/_bundle/images/{name}/Dockerfile")
        assert dockerfile.stat().st_size
    assert (programs.parent / "share/man/man1/bottle.1").is_file()


def bill(python: Path, target: Path) -> None:
    """The bill of materials (CycloneDX) of an environment."""
    options: list[str | Path] = [
        "--output-reproducible",
        "--pyproject",
        ROOT / "pyproject.toml",
        "--mc-type",
        "application",
    ]
    run([TOOLS / "cyclonedx-py", "environment", *options, "--of", "JSON", "--output-file", target, python])


def checksums(folder: Path) -> str:
    """As `sha256sum` prints and checks them."""
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def git(*arguments: str) -> str:
    return run(["git", *arguments], cwd=ROOT).strip()


def run(
    argv: list[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, check: bool = True
) -> str:
    """What a program prints. Raises CalledProcessError, which its own words precede on standard error."""
    return subprocess.run(argv, cwd=cwd, env=env, check=check, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
