"""Building images with the engine's classic builder, and leaving nothing of a build that failed."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from bottle.adapters.build_context import BuildContext
from bottle.adapters.docker.engine import Engine
from bottle.app.ports import Progress
from bottle.domain.errors import BackendError, BottleError, ProvisionError

_LAST_LINES = 12
_MADE = re.compile(r"\s*---> ([0-9a-f]{12})\s*\Z")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def build(
    engine: Engine, context: BuildContext, arguments: Mapping[str, str], labels: Mapping[str, str], progress: Progress
) -> None:
    """Makes and tags the image. Raises ProvisionError with the last lines of what the builder said."""
    before = engine.image_ids()
    made: list[str] = []
    last: deque[str] = deque(maxlen=_LAST_LINES)
    try:
        for line in _lines(engine, context, arguments, labels):
            progress.detail(line)
            last.append(line)
            if match := _MADE.match(line):
                made.append(match[1])
    except BackendError as error:
        said = "\n".join(f"  {line}" for line in last)
        recipe = context.image.recipe or context.image.tag
        raise ProvisionError(
            f"{recipe} could not be built: {_short(str(error))}", hint=f"the builder's last lines:\n{said}"
        ) from error
    finally:
        _sweep(engine, [image for image in made if not any(known.startswith(image) for known in before)])


def _lines(
    engine: Engine, context: BuildContext, arguments: Mapping[str, str], labels: Mapping[str, str]
) -> Iterator[str]:
    """What the builder says, line by line. Raises BackendError for the failure that it reports."""
    messages = engine.build(
        context.archive(),
        tag=context.image.tag,
        dockerfile=context.dockerfile,
        rm=True,
        forcerm=True,
        buildargs=dict(arguments),
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


def _sweep(engine: Engine, made: list[str]) -> None:
    """Removes the layers of throwaway stages and of a failed build; what an image still stands on, the engine keeps."""
    for image in reversed(made):
        try:
            engine.remove_untagged(image)
        except BottleError:
            continue
