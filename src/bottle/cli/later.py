"""Ports that are made when they are first asked something: a command imports what it uses, and no more."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

Port = TypeVar("Port")


def later(make: Callable[[], Port]) -> Port:
    """The port that `make` returns, where it imports what that consists of. `make` may raise BottleError, and so does
    the first question then."""
    return cast("Port", _Later(make))


class _Later:
    """Stands for a port of which nothing but its methods is asked for."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)
