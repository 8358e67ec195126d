"""The compiled secret rules, where the way out is to have them."""

from pathlib import Path

from bottle.domain.strict_json import ConfigError
from sidecars.scanner.patterns import store
from sidecars.scanner.patterns.engine import Patterns


def patterns_in(folder: str) -> Patterns | None:
    """The rules in a directory; None where none is named. Raises ConfigError for rules that cannot be used."""
    try:
        return store.load(Path(folder)) if folder else None
    except store.StoreError as error:
        raise ConfigError(f"patterns: {error}") from None
