"""What a bottle's trail says of branches that were pushed through the git gate."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen


@frozen
class Push:
    """A ref that reached its upstream; `path` is the repository's."""

    host: str
    path: str
    ref: str


def pushes_of(lines: Iterable[str]) -> Iterator[Push]:
    """Each ref once, in order. The lines are data from beside the agent: what is no line of ours is passed over."""
    seen: set[Push] = set()
    for line in lines:
        entry = _parsed(line)
        if (entry.get("kind"), entry.get("method"), entry.get("allowed")) != ("git", "push", True):
            continue
        refs = entry.get("refs")
        for ref in refs if isinstance(refs, list) else ():
            push = Push(str(entry.get("host")), str(entry.get("path")), str(ref))
            if push not in seen:
                seen.add(push)
                yield push


def _parsed(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}
