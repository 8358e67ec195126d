"""Building images with the engine's classic builder, and leaving nothing of a build that failed."""

import re
import time
from base64 import b64encode
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Any

from bottle.adapters.build_context import BuildContext
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.failures import GoneError
from bottle.app.ports import Progress
from bottle.domain.errors import BackendError, BottleError, ProvisionError

_LAST_LINES = 12
_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.2
_MADE = re.compile(r"\s*---> ([0-9a-f]{12})\s*\Z")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def build(engine: Engine, context: BuildContext, roots: bytes, labels: Mapping[str, str], progress: Progress) -> None:
    """Makes and tags the image; what runs in the build trusts the roots (PEM) too.

    Raises ProvisionError with the last lines of what the builder said.
    """
    before = engine.image_ids()
    made: list[str] = []
    last: deque[str] = deque(maxlen=_LAST_LINES)
    patience = _PATIENCE_SECONDS
    try:
        with closing(_lines(engine, context, roots, labels)) as lines:
            for line in lines:
                last.append(line)
                if match := _MADE.match(line):
                    made.append(match[1])
                progress.detail(line)
        patience = 0.0
    except BackendError as error:
        said = "\n".join(f"  {line}" for line in last)
        recipe = context.image.recipe or context.image.tag
        raise ProvisionError(
            f"{recipe} could not be built: {_short(str(error))}", hint=f"the builder's last lines:\n{said}"
        ) from error
    finally:
        new = [image for image in made if not any(known.startswith(image) for known in before)]
        _sweep(engine, new, patience)


def _lines(
    engine: Engine, context: BuildContext, roots: bytes, labels: Mapping[str, str]
) -> Generator[str, None, None]:
    """What the builder says, line by line. Raises BackendError for the failure that it reports."""
    messages = engine.build(
        context.archive(has_roots=bool(roots)),
        tag=context.image.tag,
        dockerfile=context.dockerfile,
        rm=True,
        forcerm=True,
        buildargs={"BUILD_CA_B64": b64encode(roots).decode()} if roots else {},
        labels=dict(labels),
    )
    for message in messages:
        if "error" in message:
            raise BackendError(str(message["error"]).strip())
        yield from _text(message)


def _text(message: Mapping[str, Any]) -> Iterator[str]:
    if "stream" in message:
        plain = _COLOURS.sub("", str(message["stream"]))
        yield from (line.rstrip() for line in plain.splitlines() if line.strip())
    elif "status" in message and "progress" not in message:
        yield f"{message.get('id', '')} {message['status']}".strip()


def _short(reason: str) -> str:
    """The reason without the whole text of the command that failed, which the last lines show."""
    match = re.search(r"returned a non-zero code: (\d+)\Z", reason)
    return f"a command ended with status {match[1]}" if match else " ".join(reason.split())


def _sweep(engine: Engine, made: list[str], patience: float) -> None:
    """Removes the layers of throwaway stages and of a build that failed.

    What an image stands on, the engine keeps; what an interrupted builder still holds, it lets go within the patience.
    """
    deadline = time.monotonic() + patience
    left = list(reversed(made))
    while left:
        left = [image for image in left if not _removed(engine, image)]
        if time.monotonic() >= deadline:
            return
        time.sleep(_PAUSE_SECONDS)


def _removed(engine: Engine, image: str) -> bool:
    try:
        engine.remove_untagged(image)
    except GoneError:
        return True
    except BottleError:
        return False
    return True
