"""What an agent program prints when it runs without a terminal: a JSON object a line, in between anything."""

import json
from collections.abc import Iterator
from typing import Any


def json_lines(output: bytes) -> Iterator[dict[str, Any]]:
    """The objects; all other lines are passed over."""
    for line in output.splitlines():
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            yield event
