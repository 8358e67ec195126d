"""The compiled secret rules as the scanner asks them."""

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from bottle.domain.dlp.matching import Match, Matcher
from bottle.domain.dlp.packing import UnreadableError
from bottle.domain.sidecar_config import ConfigError


@frozen
class Patterned:
    """Patterns whose limits refuse content, as all that cannot be looked into is refused."""

    patterns: Matcher
    gave_up: type[Exception]

    @property
    def window(self) -> int:
        return self.patterns.window

    def find(self, data: bytes) -> Sequence[Match]:
        """Every match. Raises UnreadableError where there is too much to look at."""
        try:
            return self.patterns.find(data)
        except self.gave_up as error:
            raise UnreadableError(f"content with {error}") from None


def patterns_in(folder: str) -> Matcher | None:
    """The rules in a directory; None where none is named. Raises ConfigError for rules that cannot be used."""
    if not folder:
        return None
    from sidecars.scanner.patterns import engine, store  # not before: a way out without patterns need not have RE2

    try:
        return Patterned(store.load(Path(folder)), engine.GaveUpError)
    except store.StoreError as error:
        raise ConfigError(f"patterns: {error}") from None
