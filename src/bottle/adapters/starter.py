"""First manifests for somebody who has none."""

from pathlib import Path

from bottle.domain.errors import ConflictError, UsageError
from bottle.domain.names import is_entity_name

_BOTTLE = """\
---
agent_provider:
  template: claude
  auth_token: BOT_BOTTLE_CLAUDE_OAUTH_TOKEN   # a variable of your shell; its value never enters the box

egress:
  routes: []        # beyond the agent's own service: nothing. One line a host opens it:
  # - host: api.github.com
  #   methods: [GET]
---

What every Claude bottle shares. Others build on it with `extends: claude`.
"""

_AGENT = """\
---
bottle: claude
---

You work alone in a sandbox. What is refused there is refused on purpose: say what you would need, and go on with the
rest.
"""


class StarterFiles:
    """Writes a bottle and an agent below `home` (`~/.bot-bottle`)."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def write(self, agent: str) -> list[Path]:
        """The files that were written; those that exist are kept. Raises UsageError for a name that no agent may have,
        ConflictError where the directory cannot be written."""
        if not is_entity_name(agent):
            hint = "lower-case letters, digits and hyphens, a letter first"
            raise UsageError(f"'{agent}' is no agent's name", hint=hint)
        wanted = {
            self._home / "bottles" / "claude.md": _BOTTLE,
            self._home / "agents" / f"{agent}.md": _AGENT,
        }
        try:
            return [path for path, text in wanted.items() if _write_new(path, text)]
        except OSError as error:
            raise ConflictError(f"cannot write {error.filename}: {error.strerror}") from None


def _write_new(path: Path, text: str) -> bool:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
