"""Speaking with the sidecar: the documents that go down its standard input, and the answers that come back."""

import json
import time
from collections.abc import Mapping

from bottle.adapters.docker.containers import AUDIT_DIRECTORY
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.streams import Channel, Frames
from bottle.adapters.sidecar import leaves, stands
from bottle.app.ports import Cargo
from bottle.domain.egress import Policy
from bottle.domain.egress_config import PATTERNS, EgressReload, EgressStart, reload_document, start_document
from bottle.domain.errors import BackendError, BottleError
from bottle.domain.listen import Listen
from bottle.domain.plan import BottlePlan
from bottle.domain.strict_json import JsonObject

START_SECONDS = 30.0
RELOAD_SECONDS = 15.0


class Control:
    """A connection to a sidecar's standard streams."""

    def __init__(self, engine: Engine, container: str) -> None:
        """Attaches. Before the container is started, no answer can be missed."""
        self._engine, self._container = engine, container
        self._channel: Channel = engine.attach(container)

    def start(self, document: JsonObject, version: int) -> None:
        """Sends the whole configuration; returns when the sidecar judges by it. Raises BackendError."""
        self._ask(document, version, START_SECONDS)

    def reload(self, policy: Policy, pems: Mapping[str, str]) -> None:
        """Sends a new policy, with further certificates and keys by host; returns when the sidecar judges by it. Raises
        BackendError, and the old one stays."""
        self._ask(reload_document(EgressReload(policy, leaves=leaves(pems))), policy.version, RELOAD_SECONDS)

    def close(self) -> None:
        """Lets go; the sidecar goes on, its input stays open."""
        self._channel.close()

    def _ask(self, document: JsonObject, version: int, seconds: float) -> None:
        self._channel.write(json.dumps(document).encode() + b"\n")
        deadline, frames, pending = time.monotonic() + seconds, Frames(), b""
        while self._channel.ready(deadline - time.monotonic()):
            data = self._channel.read()
            if not data:
                raise BackendError(f"the sidecar ended: {self._last_words()}")
            pending += b"".join(content for _, content in frames.feed(data))
            *lines, pending = pending.split(b"\n")
            if any(stands(line, version) for line in lines):
                return
        raise BackendError(f"the sidecar did not answer in {seconds:.0f} seconds: {self._last_words()}")

    def _last_words(self) -> str:
        try:
            said = self._engine.logs(self._container, 5).decode(errors="replace")
        except BottleError as error:
            said = str(error)
        return " / ".join(said.split("\n")).strip(" /") or "without a word"


def document(plan: BottlePlan, cargo: Cargo, address: str, *, answers_names: bool) -> JsonObject:
    """The whole configuration, secrets included, for the way out at an address of the container's, where it also
    answers to those who ask for names."""
    start = EgressStart(
        identity=plan.identity,
        listen=Listen(address, plan.proxy.port),
        audit=AUDIT_DIRECTORY,
        policy=plan.policy,
        secrets=cargo.secrets,
        given=cargo.given,
        leaves=leaves(cargo.certificates.leaves),
        dns=Listen(address, 53) if answers_names else None,
        roots=cargo.upstream_roots,
        proxy=cargo.upstream_proxy,
        patterns=PATTERNS,
    )
    return start_document(start)
