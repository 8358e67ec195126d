"""Known vulnerabilities of all that is pinned by hash: `make audit`.

pip-audit asks PyPI, and passes over a release that PyPI does not know: of that nothing is known, neither good nor bad.
So this counts. Exit status 0: each pinned release was audited and none has a known hole. 1: one has, or one was not
audited, or the audit itself failed. 3: no service answers at all; with `--tell` that is told and is no failure, for a
machine that cannot have one.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "build/release-tools/bin/pip-audit"
PINNED = tuple(
    ROOT / name
    for name in (
        "requirements/dev.txt",
        "requirements/release.txt",
        "images/sidecar/requirements.txt",
        "images/sidecar/rules.txt",
    )
)
KNOWN = "pip==24.0"
"""A release that every such service knows: what does not know it, or does not answer, is none."""

NOTHING_AUDITED = 3

Releases = Sequence[Mapping[str, Any]]


def main(options: Sequence[str]) -> None:
    if not answers():
        print("no service of known vulnerabilities answers: nothing was audited")
        sys.exit(0 if "--tell" in options else NOTHING_AUDITED)
    releases, said = audited("--require-hashes", *PINNED)
    if releases is None:
        sys.exit(f"{said}the audit failed: nothing is known")
    sys.exit(told(releases))


def answers() -> bool:
    """Whether there is a service that could know anything, asked as the audit asks."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        print(KNOWN, file=file, flush=True)
        releases, _ = audited("--no-deps", Path(file.name))
    return bool(releases) and not any(map(_unknown, releases or ()))


def audited(mode: str, *files: Path) -> tuple[Releases | None, str]:
    """What pip-audit tells of each release that the files pin, None where it came to no end; and what it said."""
    requirements = [word for path in files for word in ("--requirement", str(path))]
    argv = [str(PROGRAM), "--disable-pip", mode, "--progress-spinner", "off", "--format", "json", *requirements]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    try:
        releases: Releases = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return None, done.stderr
    return releases, done.stderr


def told(releases: Releases) -> int:
    """Prints what was found; the exit status."""
    unknown = [f"not audited  {release['skip_reason']}" for release in releases if _unknown(release)]
    holes = [
        f"vulnerable   {release['name']} {release['version']}: {hole['id']}, mended in {_mended(hole)}"
        for release in releases
        for hole in release.get("vulns", ())
    ]
    print(*unknown, *holes, sep="\n", end="\n" if unknown or holes else "")
    print(f"{len(releases) - len(unknown)} of {len(releases)} pinned releases audited, known holes: {len(holes)}")
    return 1 if unknown or holes or not releases else 0


def _unknown(release: Mapping[str, Any]) -> bool:
    return "vulns" not in release


def _mended(hole: Mapping[str, Any]) -> str:
    return ", ".join(hole["fix_versions"]) or "no release"


if __name__ == "__main__":
    main(sys.argv[1:])
