"""The one command that runs in a box before it is handed over: it takes in the environment and proves the walls."""

import time
from collections.abc import Mapping, Sequence

from bottle.adapters.docker import probe
from bottle.adapters.docker.commands import AGENT
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.probe import Surroundings
from bottle.adapters.docker.streams import converse
from bottle.domain.errors import BackendError, ProvisionError
from bottle.domain.provision import Check

SECONDS = 60.0


class Proof:
    """A shell in the box, which reads what it has to do from its standard input, a part as soon as it can be done."""

    def __init__(
        self, engine: Engine, box: str, around: Surroundings, values: Mapping[str, str], checks: Sequence[Check]
    ) -> None:
        """Sends what has nothing to do with the network."""
        self._engine, self._box, self._around, self._checks = engine, box, around, checks
        self._exec = engine.create_exec(box, ["sh"], user=AGENT)
        self._channel = engine.start_exec(self._exec)
        self._send(probe.furnished_part(values, checks))

    def box_is_sealed(self) -> None:
        """Sends what can be looked at from now on."""
        self._send(probe.sealed_part(self._around))

    def finish(self) -> None:
        """The sidecar serves: sends the rest and judges. Raises WallsError, ProvisionError, BackendError."""
        script = probe.last_part(self._around).encode()
        try:
            stdout, stderr = converse(self._channel, script, time.monotonic() + SECONDS)
        except TimeoutError:
            raise BackendError(f"the box did not answer in {SECONDS:.0f} seconds") from None
        output = stdout.decode(errors="replace")
        if "\nend ." not in output:
            self._say_why(output + stderr.decode(errors="replace"))
        probe.judge(output, self._around, self._checks)

    def close(self) -> None:
        self._channel.close()

    def _send(self, script: str) -> None:
        self._channel.write(script.encode(errors="surrogateescape"))

    def _say_why(self, said: str) -> None:
        """Raises what is known of a shell that did not come to its end."""
        if not self._engine.running(self._box):
            raise BackendError("the box ended while it was furnished", hint="its memory limit may be too low")
        if self._engine.exec_status(self._exec) == probe.NOT_WRITTEN:
            hint = "its user `node` must have the number 1000, and 8 MiB must hold all values"
            raise ProvisionError("the image cannot be used: the environment could not be written", hint=hint)
        if "not found" in said or "OCI runtime" in said:
            line = " ".join(said.split())[-300:]
            raise ProvisionError(f"the image cannot be used: {line}", hint="it needs sh, sleep, curl and a user `node`")
