"""What all commands have in common: the version that they pretend to be, names, what is kept, how they refuse."""

import os
import re
import sys
from typing import NoReturn

from tests.support.smolvm import store
from tests.support.smolvm.arguments import Words


def version() -> tuple[int, ...]:
    return tuple(map(int, os.environ.get("SMOLVM_DOUBLE_VERSION", "1.9.2").split(".")))


def name_of(words: Words) -> str:
    return words.get("--name", ["default"])[0]


def require_fit(name: str) -> None:
    """As the program judges names: of machines, and of what is created alone."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", name) or "--" in name or name.endswith("-"):
        fail(f"config operation failed: create machine: invalid machine name '{name}'")


def known(name: str) -> store.Record:
    record = store.records().get(name)
    if record is None:
        fail(f"vm not found: {name}")
    return record


def entry_of(item: str) -> list[str]:
    """A name alone takes this process's value, which is kept."""
    name, equals, value = item.partition("=")
    return [name, value if equals else os.environ.get(name, "")]


def require_secrets(record: store.Record) -> None:
    for variable in record["secret_refs"].values():
        if variable not in os.environ:
            fail(f"config operation failed: secret: the variable {variable} is not set")


def fail(message: str) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.write(f"Error: {message}\n")
    sys.exit(1)
