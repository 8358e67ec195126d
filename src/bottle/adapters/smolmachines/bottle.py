"""A running bottle, whoever launched it."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from bottle.adapters.bubblewrap.keeper import Lifeline
from bottle.adapters.smolmachines import commands
from bottle.adapters.smolmachines.beside import Beside
from bottle.adapters.smolmachines.furnish import USER
from bottle.adapters.smolmachines.smolvm import Smolvm
from bottle.app.ports import ExecResult, Heard
from bottle.domain.egress import Policy
from bottle.domain.errors import BackendError


@frozen
class SmolmachinesBottle:
    """Keeps `ports.Bottle`. `lifeline` is the launcher's; whoever else opens the bottle has none."""

    identity: str
    smolvm: Smolvm
    machine: str
    beside: Beside
    terminal_env: Mapping[str, str]
    lifeline: Lifeline | None = None

    def run(
        self,
        argv: Sequence[str],
        *,
        user: str = USER,
        stdin: bytes = b"",
        timeout: float = 60,
        heard: Heard | None = None,
    ) -> ExecResult:
        if user != USER:
            raise BackendError(f"nothing is run as '{user}' in the machine", hint=f"its user is {USER}")
        return commands.run(self.smolvm, self.machine, argv, stdin=stdin, timeout=timeout, heard=heard)

    def attach(self, argv: Sequence[str]) -> int:
        return commands.attach(self.smolvm, self.machine, argv, self.terminal_env)

    def reload(self, policy: Policy, leaves: Mapping[str, str] | None = None) -> None:
        self.beside.reload(self.identity, policy, leaves or {})

    def end_agent(self) -> None:
        commands.empty(self.smolvm, self.machine)

    def leave(self) -> None:
        """The machine lives on anyway; its sidecars do from now on."""
        if self.lifeline is not None:
            self.lifeline.leave()

    def sidecar_log(self) -> bytes:
        return self.beside.log(self.identity)
