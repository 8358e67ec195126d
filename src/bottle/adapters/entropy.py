"""The host's randomness."""

from bottle.domain.names import SUFFIX_ALPHABET, SUFFIX_LENGTH


class SystemEntropy:
    """ports.Entropy."""

    def suffix(self) -> str:
        import secrets  # brings all of OpenSSL along, and most commands name nothing anew

        return "".join(secrets.choice(SUFFIX_ALPHABET) for _ in range(SUFFIX_LENGTH))
