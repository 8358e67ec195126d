"""What the operating system refuses, as errors with a remedy."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from bottle.adapters import disk
from bottle.domain.errors import BottleError, ConflictError


@contextmanager
def failures(what: str, hint: str | None = None) -> Iterator[None]:
    """Turns what the operating system refuses into an error with a remedy.

    It is the plain BottleError: nobody else holds anything, so it is no conflict, and a script that answers a conflict
    with another identity would try for ever on a full disk.
    """
    try:
        yield
    except disk.NotRegularError as error:
        raise ConflictError(
            f"{what}: {error.filename} is no regular file",
            hint="something replaced it: trust nothing that this bottle says",
        ) from None
    except OSError as error:
        at = f" ({error.filename})" if error.filename else ""
        reason = (error.strerror or type(error).__name__).lower()
        raise BottleError(f"{what}: {reason}{at}", hint=hint or _remedy(error)) from None


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room on the disk that holds `~/.bot-bottle`"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "`~/.bot-bottle` must belong to you and be writable"
    return "look after the disk that holds `~/.bot-bottle`"
