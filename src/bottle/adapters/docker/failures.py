"""What an engine's failures mean to a person, and what helps."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions

from bottle.domain.errors import BackendError, BottleError, ConflictError

_LAST_LINE = 400


class GoneError(BackendError):
    """The container, network or image that was named does not exist (any more)."""


class OverlapError(BackendError):
    """The subnet is taken by another network."""


_NO_SPACE = "free some (`docker system prune` removes what is unused)"
_NO_RUNTIME = "register it again in the engine's daemon.json"

# What the engine's answer holds (in lower case), what it means, what helps.
_ANSWERS: tuple[tuple[str, str, str], ...] = (
    ("no space left on device", "no space is left on the engine's disk", _NO_SPACE),
    ("disk quota exceeded", "the engine's disk quota is used up", _NO_SPACE),
    ("unknown or invalid runtime", "the engine does not know the runtime any more", _NO_RUNTIME),
    ("unknown runtime", "the engine does not know the runtime any more", _NO_RUNTIME),
    ("executable file not found", "a program is missing in the image", "an image needs sh, sleep and curl"),
    ("unable to find user", "the image has no user `node`", "an image needs a user `node` with the number 1000"),
)
_GROUP = "add yourself to its group (`sudo usermod -aG docker $USER`, then log in again)"
_START = "start Docker, or name the engine's socket in DOCKER_HOST"


@contextmanager
def speaking() -> Iterator[None]:
    """Turns whatever the SDK raises inside into a BottleError; lets everything else pass."""
    try:
        yield
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise meaning(error) from error


def meaning(error: Exception) -> BottleError:
    """The error to show for one of the SDK's."""
    text = _text(error)
    if isinstance(error, docker.errors.APIError):
        return _answer(error, text)
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in text.lower():
        return BackendError("the Docker engine does not answer", hint="see whether it is overloaded or hangs")
    if "permission denied" in text.lower():
        return BackendError("no permission to speak to the Docker engine", hint=_GROUP)
    return BackendError("no Docker engine answers", hint=_START)


def _answer(error: docker.errors.APIError, text: str) -> BottleError:
    status = error.response.status_code if error.response is not None else 0
    lowered = text.lower()
    if status == 409 and ("already in use" in lowered or "already exists" in lowered):
        return ConflictError(f"the name is taken: {text}", hint="`bottle cleanup` removes what was left behind")
    if "is ambiguous" in lowered:  # Docker 20.10 looks for duplicate names of networks, but not very hard
        return ConflictError(f"the name is taken: {text}", hint="`bottle cleanup` removes what was left behind")
    if "overlap" in lowered:
        return OverlapError(f"the subnet is taken: {text}")
    if status == 404 and "executable file not found" not in lowered:
        return GoneError(text)
    for sign, means, hint in _ANSWERS:
        if sign in lowered:
            return BackendError(f"{means}: {text}", hint=hint)
    return BackendError(f"the Docker engine refused: {text}")


def _text(error: Exception) -> str:
    """One line of what the engine said."""
    said = error.explanation if isinstance(error, docker.errors.APIError) else None
    if isinstance(said, bytes):
        said = said.decode(errors="replace")
    return re.sub(r"\s+", " ", str(said or error)).strip()[:_LAST_LINE]
