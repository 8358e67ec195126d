"""Faults on demand."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


def flaky(target: T, method: str, error: BaseException, *, on_call: int = 1, after: bool = False) -> T:
    """The target, but the nth call of the method raises the error: before it did anything, or `after` it did it all."""
    return cast("T", Flaky(target, method, error, on_call=on_call, after=after))


class Flaky:
    """What `flaky` returns; `calls` counts the calls of the method."""

    def __init__(self, target: object, method: str, error: BaseException, *, on_call: int, after: bool) -> None:
        getattr(target, method)  # a mistyped name must not make a test pass
        self._target = target
        self._method = method
        self._error = error
        self._on_call = on_call
        self._after = after
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return self._failing(found) if name == self._method else found

    def _failing(self, method: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            self.calls += 1
            fails = self.calls == self._on_call
            if fails and not self._after:
                raise self._error
            result = method(*args, **options)
            if fails:
                raise self._error
            return result

        return call
