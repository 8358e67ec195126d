"""A running bottle, whoever launched it."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from bottle.adapters.bubblewrap import box, commands, sidecars
from bottle.adapters.bubblewrap.keeper import Lifeline
from bottle.adapters.bubblewrap.runtime import Runtime
from bottle.app.ports import ExecResult, Heard
from bottle.domain.egress import Policy
from bottle.domain.errors import BackendError


@frozen
class BubblewrapBottle:
    """Keeps `ports.Bottle`. `lifeline` is the launcher's; whoever else opens the bottle has none."""

    identity: str
    runtime: Runtime
    terminal_env: Mapping[str, str]
    lifeline: Lifeline | None = None

    def run(
        self,
        argv: Sequence[str],
        *,
        user: str = box.USER,
        stdin: bytes = b"",
        timeout: float = 60,
        heard: Heard | None = None,
    ) -> ExecResult:
        if user != box.USER:
            raise BackendError(f"the box has no user '{user}'", hint=f"everything in it is {box.USER}'s")
        return commands.run(self.runtime.commands, argv, stdin=stdin, timeout=timeout, heard=heard)

    def attach(self, argv: Sequence[str]) -> int:
        return commands.attach(self.runtime.commands, argv, self.terminal_env)

    def reload(self, policy: Policy, leaves: Mapping[str, str] | None = None) -> None:
        sidecars.reload(self.runtime, policy, leaves or {})

    def end_agent(self) -> None:
        commands.empty(self.runtime.commands)

    def leave(self) -> None:
        """Whoever opened the bottle later is not tied to it."""
        if self.lifeline is not None:
            self.lifeline.leave()

    def sidecar_log(self) -> bytes:
        return self.runtime.log()
