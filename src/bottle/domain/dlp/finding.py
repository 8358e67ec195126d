"""What was found, said without it."""

import hashlib
import re
from typing import Final

from attrs import frozen

_BYTES: Final = 8
FINGERPRINT: Final = re.compile(rf"[0-9a-f]{{{2 * _BYTES}}}\Z")


@frozen
class Finding:
    """A secret on its way out, or content that nobody can vouch for. It never holds the bytes.

    `place` says where in the request, `offset` about which byte of that place (that from which on it was looked at,
    where it was encoded), `via` what had to be undone. `fingerprint` tells two secrets apart and finds the same one
    again under the same key; it is empty where there is no secret, but content that cannot be looked into.
    """

    rule: str
    what: str
    place: str = ""
    offset: int = 0
    via: tuple[str, ...] = ()
    fingerprint: str = ""

    @property
    def reason(self) -> str:
        """One line for the agent and the trail."""
        where = f"{self.place or 'the content'}, about byte {self.offset}"
        undone = f", behind {' and '.join(self.via)}" if self.via else ""
        mark = f" [fingerprint {self.fingerprint}]" if self.fingerprint else ""
        return f"{self.what} in {where}{undone}{mark}"


def fingerprint(key: bytes, secret: bytes) -> str:
    """Sixty-four bits of a keyed hash, as hexadecimal digits: so many that nobody finds other bytes under a fingerprint
    that was approved."""
    return hashlib.blake2b(secret, key=key[:64], digest_size=_BYTES).hexdigest()
