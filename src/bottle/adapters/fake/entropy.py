"""Randomness that counts."""

import itertools

from bottle.domain.names import SUFFIX_ALPHABET, SUFFIX_LENGTH


class FakeEntropy:
    """ports.Entropy: `aaaaa`, `aaaab`, ... or the suffixes that were given, each once."""

    def __init__(self, *suffixes: str) -> None:
        counted = ("".join(letters) for letters in itertools.product(SUFFIX_ALPHABET, repeat=SUFFIX_LENGTH))
        self._suffixes = iter(suffixes or counted)

    def suffix(self) -> str:
        return next(self._suffixes)
