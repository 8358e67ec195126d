"""Takes a secret out of a stream of bytes, in the pieces that it comes in, without changing the stream's length."""


class Scrubber:
    """Replaces every occurrence of the secrets by asterisks. `feed` gives what can be passed on; `finish` the rest.

    Only the end of a piece that may be the beginning of a secret is held back, so an event stream is not delayed; what
    is held back is shorter than the longest secret.
    """

    def __init__(self, secrets: tuple[bytes, ...]) -> None:
        self._secrets = secrets
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The data that is now known to be clean, in order."""
        data = scrubbed(self._held + data if self._held else data, self._secrets)
        keep = 0
        for secret in self._secrets:
            keep = max(keep, _overlap(data, secret))
        if not keep:
            self._held = b""
            return data
        self._held = data[-keep:]
        return data[:-keep]

    def finish(self) -> bytes:
        """What was held back: it turned out to be no secret."""
        held, self._held = self._held, b""
        return held


def scrubbed(data: bytes, secrets: tuple[bytes, ...]) -> bytes:
    """The data with every whole occurrence of the secrets replaced by as many asterisks."""
    for secret in secrets:
        if secret in data:
            data = data.replace(secret, b"*" * len(secret))
    return data


def _overlap(data: bytes, secret: bytes) -> int:
    """The length of the longest end of `data` that is a proper beginning of `secret`."""
    tail = data[-(len(secret) - 1) :] if len(secret) > 1 else b""
    at = tail.find(secret[:1])
    while at >= 0:
        if secret.startswith(tail[at:]):
            return len(tail) - at
        at = tail.find(secret[:1], at + 1)
    return 0
