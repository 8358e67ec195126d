"""Command lines as the program's parser takes them: what is not known ends it with status 2."""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

Words = dict[str, list[str]]

_CREATE = {
    **dict.fromkeys(("--label", "--image", "--from", "--cpus", "--mem", "--storage", "--overlay", "--volume"), 1),
    **dict.fromkeys(("--port", "--dns", "--allow-cidr", "--allow-host", "--mount-socket", "--env", "--init"), 1),
    **dict.fromkeys(("--workdir", "--secret-env"), 1),
    **dict.fromkeys(("--net", "--outbound-localhost-only"), 0),
}
_EXEC = {
    **dict.fromkeys(("--name", "--workdir", "--env", "--timeout", "--secret-env", "--user"), 1),
    **dict.fromkeys(("--interactive", "--tty", "--stream", "--detach"), 0),
}
_SHORT = {
    "create": {"-n": "--name", "-I": "--image", "-v": "--volume", "-p": "--port", "-e": "--env", "-w": "--workdir"},
    "exec": {"-w": "--workdir", "-e": "--env", "-i": "--interactive", "-t": "--tty", "-d": "--detach"},
}
_COMMANDS: Mapping[str, Mapping[str, int]] = {
    "create": _CREATE,
    "exec": _EXEC,
    "start": {"--name": 1},
    "stop": {"--name": 1},
    "delete": {"--name": 1, "--force": 0},
    "status": {"--name": 1, "--json": 0},
    "ls": {"--json": 0},
    "cp": {"--mode": 1, "--uid": 1, "--gid": 1},
    "data-dir": {"--name": 1},
}
_SINCE = {
    ("exec", "--user"): (1, 14, 0),
    ("exec", "--secret-env"): (1, 0, 0),
    ("exec", "--detach"): (1, 3, 0),
    ("create", "--mount-socket"): (1, 6, 4),
    ("create", "--label"): (1, 8, 0),
    **dict.fromkeys((("cp", "--mode"), ("cp", "--uid"), ("cp", "--gid")), (1, 9, 0)),
}
_POSITIONAL_NAME = (1, 0, 2)
"""Since when `create` and `delete` take the name as an option, and as nothing else."""


def refuse(message: str) -> NoReturn:
    sys.stderr.write(f"error: {message}\n\nUsage: smolvm machine <COMMAND>\n\nFor more information, try '--help'.\n")
    sys.exit(2)


def parse(command: str, arguments: Sequence[str], version: tuple[int, ...]) -> Words:
    """The options by their long names, and `COMMAND`: what comes behind them."""
    if command not in _COMMANDS:
        refuse(f"unrecognized subcommand '{command}'")
    takes = {**_COMMANDS[command], "--name": 1} if command in ("create", "delete") else dict(_COMMANDS[command])
    by_position = command in ("create", "delete") and version < _POSITIONAL_NAME
    words, rest = Words(), list(arguments)
    while rest and rest[0] != "--" and (rest[0].startswith("-") and rest[0] != "-"):
        name, value = _option(command, rest.pop(0), takes, version)
        if takes[name] and value is None:
            if not rest:
                refuse(f"a value is required for '{name} <VALUE>' but none was supplied")
            value = rest.pop(0)
        words.setdefault(name, []).append(value or "")
        if by_position and name == "--name":
            refuse("unexpected argument '--name' found")
    _take_the_rest(command, rest, words, by_position=by_position)
    return words


def _option(command: str, word: str, takes: Mapping[str, int], version: tuple[int, ...]) -> tuple[str, str | None]:
    name, equals, value = word.partition("=")
    name = {**_SHORT.get(command, {}), "-f": "--force", "-n": "--name"}.get(name, name)
    if command == "exec" and word == "-n":
        name = word
    if name not in takes or version < _SINCE.get((command, name), ()):
        refuse(f"unexpected argument '{word}' found")
    return name, value if equals else None


def _take_the_rest(command: str, rest: list[str], words: Words, *, by_position: bool) -> None:
    if by_position and rest and rest[0] != "--":
        words["--name"] = [rest.pop(0)]
    if command == "cp":
        if len(rest) != 2:
            refuse("the following required arguments were not provided:\n  <SRC> <DST>")
        words["COMMAND"] = rest
        return
    if rest and rest[0] == "--":
        rest.pop(0)
    elif rest and command != "exec":
        refuse(f"unexpected argument '{rest[0]}' found")
    words["COMMAND"] = rest
    if command == "exec":
        _check_exec(words)
    if command == "create":
        _check_create(words)


def _check_exec(words: Words) -> None:
    if not words["COMMAND"]:
        refuse("the following required arguments were not provided:\n  <COMMAND>...")
    others = {"--interactive", "--tty", "--stream"} & words.keys()
    if "--detach" in words and others:
        refuse(f"the argument '--detach' cannot be used with '{others.pop()}'")
    if "--timeout" in words and not re.fullmatch(r"\d+(ms|s|m|h)", words["--timeout"][0]):
        refuse(f"invalid value '{words['--timeout'][0]}' for '--timeout <DURATION>'")


def _check_create(words: Words) -> None:
    if "--from" in words and "--image" in words:
        refuse("the argument '--from <FILE>' cannot be used with '--image <IMAGE>'")
    for name in ("--cpus", "--mem"):
        if name in words and not words[name][0].isdecimal():
            refuse(f"invalid value '{words[name][0]}' for '{name} <N>'")
    for cidr in words.get("--allow-cidr", ()):
        if not re.fullmatch(r"[0-9.]+/\d+", cidr):
            refuse(f"invalid value '{cidr}' for '--allow-cidr <CIDR>': invalid CIDR '{cidr}'")
