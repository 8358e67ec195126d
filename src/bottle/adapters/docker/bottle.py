"""A running bottle, whoever launched it."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from bottle.adapters.docker import commands, emptying, interactive
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.sidecar import Control
from bottle.app.ports import ExecResult, Heard
from bottle.domain.egress import Policy
from bottle.domain.errors import BackendError


@frozen
class DockerBottle:
    """Keeps `ports.Bottle`. Needs nothing of the launcher: the agent's environment is in the box."""

    identity: str
    engine: Engine
    box: str
    sidecar: str
    terminal_env: Mapping[str, str]

    def run(
        self,
        argv: Sequence[str],
        *,
        user: str = "node",
        stdin: bytes = b"",
        timeout: float = 60,
        heard: Heard | None = None,
    ) -> ExecResult:
        return commands.run(self.engine, self.box, argv, user, stdin, timeout, heard)

    def attach(self, argv: Sequence[str]) -> int:
        return interactive.attach(self.engine, self.box, argv, self.terminal_env)

    def reload(self, policy: Policy, leaves: Mapping[str, str] | None = None) -> None:
        if not self.engine.running(self.sidecar):
            raise BackendError("the sidecar is gone, and with it the way out", hint="end this bottle and start another")
        control = Control(self.engine, self.sidecar)
        try:
            control.reload(policy, leaves or {})
        finally:
            control.close()

    def end_agent(self) -> None:
        emptying.empty(self.engine, self.box)

    def leave(self) -> None:
        """Nothing to do: the engine keeps containers whoever comes and goes."""

    def sidecar_log(self) -> bytes:
        return self.engine.logs(self.sidecar)
