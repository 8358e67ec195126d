"""Who the agent is to the kernel: an engine takes the number from the image's own list of users.

Whoever builds the image writes that list, an agent whose additions an operator let through among them, and the image's
own programs would say whatever they like when a box that runs is asked.
"""

from bottle.adapters.docker.commands import AGENT
from bottle.adapters.docker.engine import Engine
from bottle.domain.errors import ProvisionError

_USERS = "/etc/passwd"


def require_ordinary(engine: Engine, box: str) -> None:
    """Looks into a container that has not started. Raises ProvisionError where its `node` is root or is not there."""
    numbers = numbers_of(AGENT, engine.file(box, _USERS) or b"")
    if not numbers:
        raise ProvisionError(
            f"the image has no user `{AGENT}`", hint=f"its recipe makes one: `useradd --create-home {AGENT}`"
        )
    if any(number <= 0 for number in numbers):
        raise ProvisionError(
            f"the user `{AGENT}` of the image is root, or of its group",
            hint="build the image anew, without what gave it that number",
        )


def numbers_of(user: str, listed: bytes) -> list[int]:
    """The numbers of the user and of its group in every line that an engine may take for the user's (passwd(5)).

    An engine strips a line, of any space that Unicode has, and takes a number that is none for 0; so does this.
    """
    lines = [line.strip().split(":") for line in listed.decode(errors="replace").splitlines()]
    return [_number(field) for name, *rest in lines if name == user for field in (rest + [""] * 3)[1:3]]


def _number(field: str) -> int:
    return int(field) if field.isascii() and field.isdigit() else 0
