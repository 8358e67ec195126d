"""Raises what is pinned: `make pins`. Read the difference before you keep it. `make lock` (`--keep`) raises nothing: it
only writes down what pyproject.toml asks for and the locks lack.

Written anew are the development tools' and the release tools' locks (`requirements/`), the sidecar image's wheels
(`images/sidecar/requirements.txt`) and the releases in pyproject.toml that are to equal those. Agent programs and the
secret rules of others are not raised: each new release of theirs wants its own look (docs/releasing.md).
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "pyproject.toml"
SIDECAR = ROOT / "images/sidecar/requirements.txt"
LOCKS = {"dev": ("--group", "pyproject.toml:dev", "pyproject.toml"), "release": ("--group", "pyproject.toml:release")}
"""What each lock is of, in uv's words. The development tools' holds what bottle itself needs, too."""

_PYTHON = ("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none")
_GLIBC = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
_MACHINES = ("x86_64", "aarch64")
_PINNED = re.compile(r"^([\w.-]+)==(\S+) \\$", re.MULTILINE)


def main() -> None:
    keep = sys.argv[1:] == ["--keep"]
    if not keep:
        raised = wheels(name for name, _ in _PINNED.findall(SIDECAR.read_text()))
        SIDECAR.write_text(requirements(raised))
        PROJECT.write_text(project(raised))
    for name in LOCKS:
        lock(name, *([] if keep else ["--upgrade"]))


def lock(name: str, *options: str) -> None:
    """Writes a lock with a hash for every file that may be installed, on any system and Python that bottle runs on."""
    (ROOT / "requirements").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--no-annotate"]
    python = ["--python-version", "3.11", "--generate-hashes", "--custom-compile-command", "make pins"]
    target = ["--output-file", f"requirements/{name}.txt"]
    subprocess.run([*command, *python, *target, *LOCKS[name], *options], cwd=ROOT, check=True)


def wheels(names: Iterable[str]) -> Mapping[tuple[str, str], list[str]]:
    """The newest releases as wheels for the image's Python on each machine, with their hashes."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    wanted = list(names)
    with tempfile.TemporaryDirectory() as folder:
        for machine in _MACHINES:
            platforms = [word for glibc in _GLIBC for word in ("--platform", f"{glibc}_{machine}")]
            download = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder]
            subprocess.run([sys.executable, "-m", "pip", *download, *_PYTHON, *platforms, *wanted], check=True)
        for wheel in sorted(Path(folder).glob("*.whl")):
            name, version, *_ = wheel.name.split("-")
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            found[name.replace("_", "-"), version].append(digest)
    return found


def requirements(raised: Mapping[tuple[str, str], list[str]]) -> str:
    """The sidecar's file: its heading as it is, its pins anew."""
    heading = [line for line in SIDECAR.read_text().splitlines() if line.startswith("#")]
    pins = [
        " \\\n".join([f"{name}=={version}", *(f"    --hash=sha256:{digest}" for digest in sorted(digests))])
        for (name, version), digests in sorted(raised.items())
    ]
    return "\n".join([*heading, *pins]) + "\n"


def project(raised: Iterable[tuple[str, str]]) -> str:
    """pyproject.toml with the same releases."""
    text = PROJECT.read_text()
    for name, version in raised:
        text = re.sub(rf'"{re.escape(name)}==[^";]+', f'"{name}=={version}', text)
    return text


if __name__ == "__main__":
    main()
