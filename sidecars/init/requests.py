"""The requests that the outside may make, checked as a whole before anything is done."""

import signal

from sidecars.init.wire import BadRequestError

_SIZE = 0xFFFF


class Run:
    """One command. `terminal` is its rows and columns, None for a command without one."""

    def __init__(self, document: dict[str, object]) -> None:
        """Raises BadRequestError."""
        self.argv = _argv(document.get("argv"))
        self.env = variables(document.get("env", {}))
        self.cwd = None if document.get("cwd") is None else text(document["cwd"], "cwd")
        """None for the directory of all commands."""
        self.terminal = _terminal(document.get("terminal"))


def variables(value: object) -> dict[str, str]:
    """An environment. Raises BadRequestError, which quotes no value."""
    if not isinstance(value, dict):
        raise BadRequestError("an environment is an object")
    for name, content in value.items():
        if not name or "=" in text(name, "a variable's name"):
            raise BadRequestError("a variable's name is empty or holds a =")
        text(content, "a variable's value")
    return value


def signal_number(value: object) -> int:
    """A signal that exists. Raises BadRequestError."""
    if not isinstance(value, int) or isinstance(value, bool) or value not in signal.valid_signals():
        raise BadRequestError("there is no such signal")
    return value


def text(value: object, name: str) -> str:
    """A string that a program can be given. Raises BadRequestError."""
    if not isinstance(value, str) or "\0" in value:
        raise BadRequestError(f"{name} must be text without NUL")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise BadRequestError(f"{name} must be text") from None
    return value


def _argv(value: object) -> list[str]:
    if not isinstance(value, list) or not value or not value[0]:
        raise BadRequestError("argv must be a list that begins with a program")
    return [text(word, "an argument") for word in value]


def _terminal(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadRequestError("a terminal has rows and columns")
    rows, columns = (value.get(name) for name in ("rows", "columns"))
    if not isinstance(rows, int) or not isinstance(columns, int) or not (0 <= rows <= _SIZE and 0 <= columns <= _SIZE):
        raise BadRequestError("a terminal has rows and columns")
    return rows, columns
