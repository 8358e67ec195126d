"""What the scanner's programs tell of secret rules. They are processes: what scans is no part of this program."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import bottle
from bottle.adapters import process
from bottle.adapters.build_context import sources
from bottle.domain.dlp.settings import KnownRule
from bottle.domain.errors import ProvisionError

_SECONDS = 60.0


def known_rules() -> Sequence[KnownRule]:
    """The rules that bottle brings along. Raises ProvisionError where their packages are missing."""
    try:
        done = process.run(command("patterns.listing"), timeout=_SECONDS, env={})
        said = done.stderr.decode(errors="replace").strip()[-300:]
        if done.status:
            raise ProvisionError(
                f"the secret rules cannot be read: {said}",
                hint="bot-bottle brings them on Linux (x86-64, arm64); elsewhere the sidecar's image alone has them",
            )
        return [KnownRule(entry["name"], entry["family"], entry["finds"]) for entry in json.loads(done.stdout)]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ProvisionError(
            f"the secret rules cannot be read: {type(error).__name__}", hint="install bot-bottle again"
        ) from error


def command(program: str, *arguments: str) -> list[str]:
    """The command line of a program in `sidecars/scanner`, run by this Python with its packages."""
    paths = [str(sources()), str(Path(bottle.__file__).parents[1])]
    module = f"sidecars.scanner.{program}"
    line = f"import sys; sys.path[:0] = {paths!r}; from {module} import main; main()"
    return [sys.executable, "-I", "-c", line, *arguments]
