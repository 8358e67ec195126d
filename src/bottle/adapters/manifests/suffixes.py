"""The public suffix list, as the package `publicsuffixlist` ships it: no look-up on any network."""

from functools import cache
from typing import Protocol, cast


class _Suffixes(Protocol):
    def publicsuffix(self, domain: str) -> str | None: ...


def is_public_suffix(name: str) -> bool:
    """Whether strangers can have names below this one; the list's private section (`github.io`) counts too."""
    return _suffixes().publicsuffix(name) == name


@cache
def _suffixes() -> _Suffixes:
    """Loaded when the first wildcard asks: it takes a tenth of a second."""
    from publicsuffixlist import PublicSuffixList

    return cast("_Suffixes", PublicSuffixList())
