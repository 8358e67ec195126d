"""The agent programs that bottle knows, each imported when it is first asked for."""

from collections.abc import Callable, Mapping
from typing import Final

from bottle.domain.errors import NotFoundError
from bottle.domain.names import did_you_mean
from bottle.domain.provider import Provider


def _claude() -> Provider:
    from bottle.adapters.providers.claude import ClaudeProvider

    return ClaudeProvider()


def _codex() -> Provider:
    from bottle.adapters.providers.codex import CodexProvider

    return CodexProvider()


_BUILT_IN: Final[Mapping[str, Callable[[], Provider]]] = {"claude": _claude, "codex": _codex}


class BuiltInProviders:
    """ports.Providers."""

    def get(self, template: str) -> Provider:
        if template not in _BUILT_IN:
            raise NotFoundError(
                f"unknown agent provider template: '{template}'", hint=did_you_mean(template, _BUILT_IN)
            )
        return _BUILT_IN[template]()
