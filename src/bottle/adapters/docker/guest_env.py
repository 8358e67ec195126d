"""The agent's environment: what may stand in the container's configuration, and what stays in its memory alone."""

from collections.abc import Iterable, Mapping, Sequence

from bottle.domain.environment import VARIABLE, Verbatim
from bottle.domain.errors import ProvisionError
from bottle.domain.plan import PlannedEnv

DIRECTORY = "/run/bottle"
FILE = f"{DIRECTORY}/env"
"""A file in a tmpfs: the engine keeps a container's configuration on the host's disk, and values must not be there."""


def open_entries(entries: Iterable[PlannedEnv]) -> list[str]:
    """The entries that stand in the manifest anyway, as the engine takes them."""
    return [f"{item.name}={item.entry.value}" for item in entries if isinstance(item.entry, Verbatim)]


def exports(values: Mapping[str, str]) -> str:
    """A POSIX shell script that exports the values, whatever they hold."""
    return "".join(f"export {_name(name)}={quoted(value)}\n" for name, value in sorted(values.items()))


def quoted(text: str) -> str:
    """The text as one word of a POSIX shell. A shell knows no NUL: raises ProvisionError."""
    if "\0" in text:
        raise ProvisionError("an environment value holds a NUL character, which no program can be given")
    return "'" + text.replace("'", "'\\''") + "'"


def with_env(argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` with the values in its environment."""
    return ["sh", "-c", f'. {FILE}; exec "$@"', "sh", *argv]


def _name(name: str) -> str:
    if VARIABLE.match(name) is None:
        raise ProvisionError(f"'{name}' cannot be the name of an environment variable")
    return name
