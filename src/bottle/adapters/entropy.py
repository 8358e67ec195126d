"""The host's randomness."""

import secrets

from bottle.domain.names import SUFFIX_ALPHABET, SUFFIX_LENGTH


class SystemEntropy:
    """ports.Entropy."""

    def suffix(self) -> str:
        return "".join(secrets.choice(SUFFIX_ALPHABET) for _ in range(SUFFIX_LENGTH))
