"""One look over data for all forms of the credentials that must not come back."""

from collections.abc import Sequence

from bottle.domain.secret_forms import Sieve
from sidecars.scanner.database import FIRST, Database


def sieve_of(expressions: Sequence[bytes]) -> Sieve:
    """A sieve of regular expressions."""
    database = Database(expressions, FIRST)

    def may_match(data: bytes) -> bool:
        matched: list[int] = []
        database.scan(data, lambda number, *_: matched.append(number))
        return bool(matched)

    return may_match
