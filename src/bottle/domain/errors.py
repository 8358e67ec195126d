"""The one family of errors that a person reads: what went wrong, what helps, and the exit status."""

from typing import ClassVar


class BottleError(Exception):
    """A failure with a remedy. `str()` is one line without a full stop; `hint` says what helps, or is None.

    `code` is the stable word in JSON, `exit_status` the process's status; both are documented in docs/exit-status.md.
    Neither message nor hint ever holds a secret value.
    """

    code: ClassVar[str] = "failure"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(BottleError):
    code = "usage"
    exit_status = 2


class ManifestError(BottleError):
    """A manifest that cannot be read as meant. The message opens with `file:line:column: key: ` as far as known."""

    code = "manifest"
    exit_status = 3


class NotFoundError(BottleError):
    code = "not-found"
    exit_status = 4


class BackendError(BottleError):
    """The engine is absent, too old, refuses, or went away."""

    code = "backend"
    exit_status = 5


class TimeIsUpError(BackendError):
    """A command in a box did not end in the time that it had."""

    code = "time-is-up"


class WallsError(BackendError):
    """A wall could not be proved from inside the box; the box is not handed over."""

    code = "walls"


class SecretMissingError(BottleError):
    code = "secret-missing"
    exit_status = 6


class DeclinedError(BottleError):
    code = "declined"
    exit_status = 7


class ProvisionError(BottleError):
    """An image could not be built, or the box could not be furnished."""

    code = "provision"
    exit_status = 8


class ConflictError(BottleError):
    code = "conflict"
    exit_status = 9


PASSED_THROUGH = 100
"""Added to bottle's own exit statuses by commands that otherwise pass an agent's status through."""
