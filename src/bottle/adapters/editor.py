"""The operator's editor: `VISUAL`, `EDITOR`, or what this host has."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which

from bottle.adapters import disk, process
from bottle.adapters.state.scratch import scratch
from bottle.domain.errors import UsageError

_VARIABLES = ("VISUAL", "EDITOR")
_USUAL = ("sensible-editor", "editor", "nano", "vi")
_LONGEST = 64 * 1024


class TerminalEditor:
    """ports.Editor, over a file that nobody else reads and that is gone afterwards. It lies below `state`, with the
    bottle's."""

    def __init__(self, variables: Mapping[str, str], state: Path) -> None:
        self._variables = variables
        self._state = state

    def edit(self, text: str, identity: str) -> str:
        argv = self._argv()
        with scratch(self._state / identity) as folder:
            path = folder / "answer.txt"
            path.write_text(text, encoding="utf-8")
            try:
                status = process.hand_over([*argv, str(path)])
            except OSError as error:
                raise UsageError(f"{argv[0]} cannot be run: {error.strerror}", hint="set EDITOR") from None
            if status:
                raise UsageError(f"{argv[0]} ended with status {status}; nothing was taken from it")
            return _read(path)

    def _argv(self) -> Sequence[str]:
        for name in _VARIABLES:
            if self._variables.get(name):
                return _split(name, self._variables[name])
        found = next((program for name in _USUAL if (program := which(name))), None)
        if found is None:
            raise UsageError("there is no editor on this host", hint="set EDITOR")
        return [found]


def _split(name: str, value: str) -> Sequence[str]:
    try:
        return shlex.split(value)
    except ValueError:
        raise UsageError(f"{name} is no command: {value}") from None


def _read(path: Path) -> str:
    try:
        return disk.read_regular(path, _LONGEST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"what the editor left cannot be read: {type(error).__name__}") from None
