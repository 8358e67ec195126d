"""A further program in the sidecar's container, under a user of its own: it is told on its input, and says `ready`."""

import json
import time
from typing import Any

from attrs import frozen

from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.streams import Channel, Frames
from bottle.adapters.sidecar import stands
from bottle.domain.errors import BackendError

_PYTHON = ("/opt/bottle/venv/bin/python3", "-I", "-B", "-u", "-m")
_SECONDS = 30.0


@frozen
class Service:
    """What a person calls it, its module, and its user and group in the sidecar's image (images/sidecar)."""

    title: str
    module: str
    number: int

    def start(self, engine: Engine, container: str, document: dict[str, Any]) -> None:
        """Starts it in the running sidecar; returns when it serves. It ends with the container. Raises BackendError."""
        user = f"{self.number}:{self.number}"
        channel = engine.start_exec(engine.create_exec(container, (*_PYTHON, self.module), user=user))
        try:
            channel.write(json.dumps(document).encode() + b"\n")
            self._wait(channel)
        finally:
            channel.close()

    def _wait(self, channel: Channel) -> None:
        deadline, frames, said = time.monotonic() + _SECONDS, Frames(), b""
        while channel.ready(deadline - time.monotonic()):
            data = channel.read()
            if not data:
                last = " ".join(said.decode(errors="replace").split())[-300:]
                raise BackendError(f"{self.title} ended: {last or 'without a word'}")
            said += b"".join(content for _, content in frames.feed(data))
            if any(stands(line, 0) for line in said.split(b"\n")[:-1]):
                return
        raise BackendError(f"{self.title} did not answer in {_SECONDS:.0f} seconds")
