"""The agent programs that bottle knows, each imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bottle.domain.errors import NotFoundError
from bottle.domain.names import did_you_mean

if TYPE_CHECKING:
    from bottle.domain.provider import Provider


def _claude() -> Provider:
    from bottle.adapters.providers.claude import ClaudeProvider

    return ClaudeProvider()


def _codex() -> Provider:
    from bottle.adapters.providers.codex import CodexProvider

    return CodexProvider()


_BUILT_IN: Final[Mapping[str, Callable[[], Provider]]] = {"claude": _claude, "codex": _codex}


class AllProviders:
    """ports.Providers: the operator's plugins (`<contrib>/<name>/agent_provider.py`) before those of installed packages
    and these before bottle's own. Without `contrib` only bottle's own are known."""

    def __init__(self, contrib: Path | None = None) -> None:
        self._contrib = contrib

    def get(self, template: str) -> Provider:
        """Raises NotFoundError, and ManifestError for a plugin that cannot be used."""
        found = self._plugin(template)
        if found is None and template in _BUILT_IN:
            found = _BUILT_IN[template]()
        if found is None:
            hint = did_you_mean(template, self._names())
            raise NotFoundError(f"unknown agent provider template: '{template}'", hint=hint)
        return found

    def _plugin(self, template: str) -> Provider | None:
        if self._contrib is None:
            return None
        from bottle.adapters.providers import plugins

        return plugins.of_user(template, self._contrib) or plugins.of_package(template)

    def _names(self) -> set[str]:
        if self._contrib is None:
            return set(_BUILT_IN)
        from bottle.adapters.providers import plugins

        return {*_BUILT_IN, *plugins.names(self._contrib)}
