"""A CONNECT: judged, then either TLS ends here with the leaf of that host, or a pure tunnel is spliced through."""

import asyncio
import ssl
import time
from typing import TYPE_CHECKING, Final

from bottle.domain.hosts import Authority
from sidecars.egress import limits
from sidecars.egress.gateway import Gateway
from sidecars.egress.refusal import Refusal, of_verdict
from sidecars.egress.tunnel import Tunnel

if TYPE_CHECKING:
    from sidecars.egress.agent_side import AgentSide

ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Opening:
    """What happens between a CONNECT and the connection that it asks for."""

    def __init__(
        self, gateway: Gateway, transport: asyncio.Transport, authority: Authority, agent: "AgentSide"
    ) -> None:
        self._gateway = gateway
        self._transport = transport
        self._authority = authority
        self._agent = agent
        self._task: asyncio.Task[None] | None = None
        self.since = time.monotonic()

    def begin(self, rest: bytes, inner: "type[AgentSide]") -> None:
        """Answers the CONNECT. `rest` are bytes that the agent sent ahead of the answer."""
        rules, authority = self._gateway.rules, self._authority
        verdict = rules.judge_tunnel(authority)
        if not verdict.allowed or verdict.route is None:
            self._refuse(of_verdict(verdict))
        elif verdict.passes_unread:
            self._gateway.guests.discard(self._agent)
            tunnel = Tunnel(self._gateway, self._transport, authority, verdict)
            self._transport.write(ESTABLISHED)
            self._transport.set_protocol(tunnel)
            tunnel.begin(rest)
        elif rest:
            # start_tls reads from the socket alone: what was sent ahead would be lost, and TLS with it.
            self._refuse(Refusal(400, "connect.early", "the client spoke before the proxy answered its CONNECT"))
        else:
            self._task = asyncio.get_running_loop().create_task(
                self._terminate(inner, rules.contexts.get(verdict.route.name))
            )

    def _refuse(self, refusal: Refusal) -> None:
        self._agent.refuse_connect(self._authority, refusal)

    async def _terminate(self, inner: "type[AgentSide]", context: ssl.SSLContext | None) -> None:
        if context is None:
            self._refuse(Refusal(502, "leaf.missing", f"there is no certificate to show for {self._authority.host}"))
            return
        inside = inner(self._gateway, self._authority)
        self._transport.write(ESTABLISHED)
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self._transport,
                inside,
                context,
                server_side=True,
                ssl_handshake_timeout=limits.AGENT_HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=limits.TLS_SHUTDOWN_SECONDS,
            )
        except OSError as error:  # ssl.SSLError, a reset and a time-out are all of this kind
            self._note_broken(error)
            return
        finally:
            self._gateway.guests.discard(self._agent)
        if secured is not None:
            inside.connection_made(secured)

    def _note_broken(self, error: OSError) -> None:
        self._transport.abort()
        authority = self._authority
        entry = self._gateway.trail.entry("tunnel", "CONNECT", authority.host, authority.port, "")
        why = getattr(error, "reason", None) or type(error).__name__
        entry.rule = "tls.handshake"
        entry.reason = f"the client broke off the TLS handshake ({why}); does it trust the bottle's CA?"
        self._gateway.trail.try_close(entry)
