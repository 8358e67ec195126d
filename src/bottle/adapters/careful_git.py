"""git in a repository that anybody may have set up: none of its settings runs a program, and nothing is fetched for it.

Settings on the command line win over the repository's own; where it can be more exact than we are (`protocol.ssh.allow`
beats our `protocol.allow`), the environment has the last word instead.
"""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Final

SETTINGS: Final = (
    *("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false"),
    *("-c", "core.alternateRefsCommand=true", "-c", "core.sshCommand=false", "-c", "credential.helper="),
)
"""Stand behind `git`. The command for alternates can be another, but not none: this one says nothing."""

LIST_HOOKS: Final = ("config", "--null", "--name-only", "--get-regexp", r"^hook\.")
"""Names the hooks that are settings themselves (git-hook(1), since git 2.54), which `core.hooksPath` does not reach."""

_HOOK: Final = re.compile(r"hook\.(.+)\.[^.]+\Z", re.DOTALL)


def environment(environ: Mapping[str, str], kept: Iterable[str], protocol: str = "") -> dict[str, str]:
    """What git sees of `environ`: the `kept` variables alone. It speaks no protocol but the one that is named
    (git(1), GIT_ALLOW_PROTOCOL), whatever a URL is rewritten to; and what a partial clone lacks stays away."""
    return {name: environ[name] for name in kept if name in environ} | {
        "LC_ALL": "C.UTF-8",
        "GIT_ALLOW_PROTOCOL": protocol,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


def without_hooks(listed: bytes) -> dict[str, str]:
    """Further variables for git, that turn off what `LIST_HOOKS` has listed."""
    keys = (_HOOK.match(os.fsdecode(key)) for key in listed.split(b"\0"))
    names = dict.fromkeys(key[1] for key in keys if key is not None)
    pairs = [(f"hook.{name}.enabled", "false") for name in names]
    settings = {f"GIT_CONFIG_{part}_{number}": text for number, pair in enumerate(pairs)
                for part, text in zip(("KEY", "VALUE"), pair, strict=True)}  # fmt: skip
    return {**settings, "GIT_CONFIG_COUNT": str(len(pairs))}
