"""Takes a secret out of a stream of bytes, in the pieces that it comes in, without changing the stream's length."""

from typing import Final

_WINDOW: Final = 28 * 1024


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
        data = self.finish(data)
        keep = 0
        for secret in self._secrets:
            keep = max(keep, _overlap(data, secret))
        if not keep:
            return data
        self._held = data[-keep:]
        return data[:-keep]

    def finish(self, data: bytes = b"") -> bytes:
        """The last of the data, with what was held back: its end is the beginning of no secret."""
        held, self._held = self._held, b""
        return scrubbed(held + data if held else data, self._secrets)


def scrubbed(data: bytes, secrets: tuple[bytes, ...]) -> bytes:
    """The data with every whole occurrence of the secrets replaced by as many asterisks."""
    for secret in secrets:
        if contains(data, secret):
            data = data.replace(secret, b"*" * len(secret))
    return data


def contains(data: bytes, secret: bytes) -> bool:
    """Whether the secret stands in the data. Searched in windows: CPython takes another algorithm for 30,000 bytes and
    more, which with a needle as short as this takes 2 to 10 times as long a byte."""
    if len(data) <= _WINDOW or len(secret) > _WINDOW // 2:
        return secret in data
    at, last = 0, len(data) - len(secret)
    while at <= last:
        if data.find(secret, at, at + _WINDOW) >= 0:
            return True
        at += _WINDOW - len(secret) + 1
    return False


def _overlap(data: bytes, secret: bytes) -> int:
    """The length of the longest end of `data` that is a proper beginning of `secret`."""
    tail = data[-(len(secret) - 1) :] if len(secret) > 1 else b""
    at = tail.find(secret[:1])
    while at >= 0:
        if secret.startswith(tail[at:]):
            return len(tail) - at
        at = tail.find(secret[:1], at + 1)
    return 0
