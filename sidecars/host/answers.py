"""What a program says to whoever started it: a line of JSON on standard output for each document that it was given."""

import json
import os
from collections.abc import Mapping

_STDOUT = 1


def ready(version: int = 0) -> None:
    """The document stands, and what it asks for is served."""
    say({"event": "ready", "version": version})


def reject(reason: str) -> int:
    """The document does not stand; the reason quotes no value of it. Gives the exit status of who cannot serve."""
    say({"event": "rejected", "reason": reason})
    return 1


def say(document: Mapping[str, object]) -> None:
    """One line, at once. A reader that has gone away is no reason to stop serving."""
    try:
        os.write(_STDOUT, json.dumps(document).encode("ascii") + b"\n")
    except OSError:
        pass
