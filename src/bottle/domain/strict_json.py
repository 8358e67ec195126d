"""Strict readers of JSON-able data, for documents between our own programs: what is not exactly as expected is refused.

Each takes the value and the place where it stands, and raises ConfigError with that place and what belongs there. No
message quotes a value: it could be a secret.
"""

import re
from collections.abc import Callable
from typing import TypeVar, cast

from bottle.domain.hosts import HostPattern

T = TypeVar("T")
JsonObject = dict[str, object]


class ConfigError(ValueError):
    """A document that is not understood. The message names the place and what belongs there, never a value."""


def read_object(data: object, where: str, required: tuple[str, ...], optional: tuple[str, ...] | None) -> JsonObject:
    """An object with all `required` keys and no others than `optional` (None: any)."""
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ConfigError(f"{where}: an object belongs here")
    fields = cast("JsonObject", data)
    missing = [key for key in required if key not in fields]
    if missing:
        raise ConfigError(f"{where}: `{missing[0]}` is missing")
    if optional is not None and not set(fields) <= {*required, *optional}:
        raise ConfigError(f"{where}: a key is not known; known: {', '.join((*required, *optional))}")
    return fields


def read_list(data: object, where: str) -> list[object]:
    if not isinstance(data, list):
        raise ConfigError(f"{where}: a list belongs here")
    return data


def read_tuple(data: object, where: str, read: Callable[[object, str], T]) -> tuple[T, ...]:
    return tuple(read(item, f"{where}[{index}]") for index, item in enumerate(read_list(data, where)))


def read_optional(data: object, where: str, read: Callable[[object, str], T]) -> T | None:
    return None if data is None else read(data, where)


def read_text(data: object, where: str, *, empty: bool = False) -> str:
    if not isinstance(data, str) or "\0" in data or not (data or empty):
        raise ConfigError(f"{where}: a text belongs here")
    return data


def read_matching(data: object, where: str, form: re.Pattern[str], title: str) -> str:
    if not isinstance(data, str) or form.match(data) is None:
        raise ConfigError(f"{where}: {title} belongs here")
    return data


def read_integer(data: object, where: str, low: int, high: int) -> int:
    if type(data) is not int or not low <= data <= high:
        raise ConfigError(f"{where}: a number from {low} to {high} belongs here")
    return data


def read_boolean(data: object, where: str) -> bool:
    if not isinstance(data, bool):
        raise ConfigError(f"{where}: true or false belongs here")
    return data


def read_host(data: object, where: str) -> HostPattern:
    text = read_text(data, where)
    try:
        pattern = HostPattern.parse(text)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    if pattern.text != text:
        raise ConfigError(f"{where}: a host in normal form belongs here")
    return pattern
