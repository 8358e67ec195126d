"""What an agent program prints when it runs without a terminal: a JSON object a line, in between anything."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any


def json_lines(output: bytes) -> Iterator[dict[str, Any]]:
    """The objects; all other lines are passed over."""
    for line in BytesIO(output):  # one at a time: an agent that says nothing but line ends says hundreds of millions
        if not line.lstrip().startswith(b"{"):
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            yield event
