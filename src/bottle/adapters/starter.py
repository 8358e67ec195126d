"""First manifests for somebody who has none, for the agent programs that are used on this host."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bottle.domain.errors import ConflictError, UsageError
from bottle.domain.names import did_you_mean, is_entity_name

_EGRESS: Final = """\

# It reaches its own service and nothing else. To open a host, take these signs away:
# egress:
#   routes:
#     - host: api.github.com
#       methods: [GET]
---
"""
_BOTTLES: Final = {
    "claude": f"""\
---
agent_provider:
  template: claude
  auth_token: BOT_BOTTLE_CLAUDE_OAUTH_TOKEN   # a variable of your shell; its value never enters the box
{_EGRESS}
What every Claude bottle shares. Others build on it with `extends: claude`.
""",
    "codex": f"""\
---
agent_provider:
  template: codex
  forward_host_credentials: true   # the login of `codex login --device-auth`; its token never enters the box
{_EGRESS}
What every Codex bottle shares. Others build on it with `extends: codex`.
""",
}
_AGENT: Final = """\
---
bottle: {bottle}
# Whom its commits are by; without it git in the box asks for a name. To say it, take these signs away:
# git:
#   user: {{name: My agent, email: me@example.com}}
---

You work alone in a sandbox. What is refused there is refused on purpose: say what you would need, and go on with the
rest.
"""
NEXT: Final = {
    "claude": "export BOT_BOTTLE_CLAUDE_OAUTH_TOKEN (`claude setup-token` prints it)",
    "codex": "`codex login --device-auth`, unless you are logged in",
}
"""What is left to do for each program before its first start."""


class StarterFiles:
    """Writes bottles and agents below `home` (`~/.bot-bottle`). `environ` and `user` (the user's own home) are looked
    at for the agent programs that are used here; nothing is run."""

    def __init__(self, home: Path, environ: Mapping[str, str], user: Path) -> None:
        self._home, self._environ, self._user = home, environ, user

    def found(self) -> Sequence[str]:
        """The programs that this host has or had a use for; Claude Code where there is none."""
        names = [name for name in _BOTTLES if self._is_used(name)]
        return names or ["claude"]

    def write(self, agent: str, programs: Sequence[str]) -> list[Path]:
        """The files that were written; those that exist are kept. The agent is the first program's, the others' have
        the program's name behind. Raises UsageError for a name that no agent may have and for an unknown program,
        ConflictError where the directory cannot be written."""
        wanted = self._wanted(agent, programs)
        try:
            return [path for path, text in wanted.items() if _write_new(path, text)]
        except OSError as error:
            raise ConflictError(f"cannot write {error.filename}: {error.strerror}") from None

    def _wanted(self, agent: str, programs: Sequence[str]) -> dict[Path, str]:
        wanted: dict[Path, str] = {}
        for place, program in enumerate(programs):
            name = f"{agent}-{program}" if place else agent
            if program not in _BOTTLES:
                raise UsageError(f"there is no first bottle for '{program}'", hint=did_you_mean(program, _BOTTLES))
            if not is_entity_name(name):
                hint = "lower-case letters, digits and hyphens, a letter first"
                raise UsageError(f"'{name}' is no agent's name", hint=hint)
            wanted[self._home / "bottles" / f"{program}.md"] = _BOTTLES[program]
            wanted[self._home / "agents" / f"{name}.md"] = _AGENT.format(bottle=program)
        return wanted

    def _is_used(self, program: str) -> bool:
        on_path = shutil.which(program, path=self._environ.get("PATH", os.defpath))
        return on_path is not None or (self._user / f".{program}").is_dir()


def _write_new(path: Path, text: str) -> bool:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
