"""What an entry of a bottle's `env` means."""

import re
from collections.abc import Mapping

from attrs import frozen

from bottle.domain.names import nearest

PROMPT = "?prompt"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
"""What an environment variable may be called."""

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@frozen
class Verbatim:
    """An environment entry that stands in the manifest as it is."""

    value: str


@frozen
class HostVariables:
    """An environment entry with `${NAME}` references to the host's environment. `template` is the text as written."""

    template: str
    names: tuple[str, ...]

    def render(self, values: Mapping[str, str]) -> str:
        """The entry's value, once, from left to right: what a value holds is not looked at again. Needs every name."""
        return _REFERENCE.sub(lambda match: values[match[1]], self.template)


@frozen
class Prompted:
    """An environment entry that the operator is asked for at start (`?prompt`)."""


_PUBLIC = frozenset(
    ("CI", "COLORTERM", "DISPLAY", "EDITOR", "HOME", "HOSTNAME", "LANG", "LANGUAGE", "LOGNAME", "PAGER", "PATH", "PWD",
     "SHELL", "SHLVL", "TEMP", "TERM", "TMP", "TMPDIR", "TZ", "USER", "VISUAL", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL",
     "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
)  # fmt: skip
_PUBLIC_BEGINNINGS = ("LC_", "XDG_", "TERM_")


def is_private(name: str) -> bool:
    """Whether a variable of the host may hold what must not leave a box: all but those that describe a session."""
    return name.upper() not in _PUBLIC and not name.upper().startswith(_PUBLIC_BEGINNINGS)


EnvEntry = Verbatim | HostVariables | Prompted


def env_entry(text: str) -> EnvEntry:
    """What an environment value means: `?prompt` is asked for, `${NAME}` is the host's, all else stands as it is.

    Raises ValueError, which never holds the text, for a `${` that opens no `${NAME}` and for a mistyped `?prompt`.
    """
    if text == PROMPT:
        return Prompted()
    if text.startswith("?") and nearest(text, [PROMPT]) is not None:
        raise ValueError(f"looks like a mistyped `{PROMPT}`")
    if "${" in _REFERENCE.sub(" ", text):
        raise ValueError("holds a `${` that is not followed by a variable's name and `}`")
    names = tuple(dict.fromkeys(_REFERENCE.findall(text)))
    return HostVariables(text, names) if names else Verbatim(text)
