"""A CONNECT: judged, then either TLS ends here with the leaf of that host, or a pure tunnel is spliced through."""

import asyncio
import ssl
from typing import TYPE_CHECKING, Final

from bottle.domain.hosts import Authority
from sidecars.egress import limits
from sidecars.egress.door import Inside
from sidecars.egress.refusal import Refusal, of_verdict
from sidecars.egress.tls_connection import TlsConnection
from sidecars.egress.tunnel import Tunnel

if TYPE_CHECKING:
    from sidecars.egress.agent_side import AgentSide
    from sidecars.egress.conversation import Conversation

ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Opening:
    """What happens between a CONNECT and the connection that it asks for."""

    def __init__(self, conversation: "Conversation", authority: Authority) -> None:
        self._conversation = conversation
        self._gateway = conversation.gateway
        self._authority = authority

    def begin(self, transport: asyncio.Transport, rest: bytes, inner: "type[AgentSide]") -> None:
        """Answers the CONNECT. `rest` are bytes that the agent sent ahead of the answer."""
        rules, authority = self._gateway.rules, self._authority
        verdict = rules.judge_tunnel(authority)
        if not verdict.allowed or verdict.route is None:
            self._refuse(of_verdict(verdict))
        elif verdict.passes_unread:
            self._gateway.guests.discard(self._conversation.side)
            tunnel = Tunnel(self._gateway, transport, authority, verdict)
            transport.write(ESTABLISHED)
            transport.set_protocol(tunnel)
            tunnel.begin(rest)
        elif rest:
            self._refuse(Refusal(400, "connect.early", "the client spoke before the proxy answered its CONNECT"))
        else:
            self._terminate(transport, rules.contexts.get(verdict.route.name), inner)

    def _refuse(self, refusal: Refusal) -> None:
        self._conversation.refuse_connect(self._authority, refusal)

    def _terminate(
        self, transport: asyncio.Transport, context: ssl.SSLContext | None, inner: "type[AgentSide]"
    ) -> None:
        if context is None:
            self._refuse(Refusal(502, "leaf.missing", f"there is no certificate to show for {self._authority.host}"))
            return
        inside = inner(self._gateway, Inside.of(self._authority))
        secured = TlsConnection(context, inside, self._shaken, limits.AGENT_HANDSHAKE_SECONDS, None)
        transport.write(ESTABLISHED)
        transport.set_protocol(secured)
        secured.connection_made(transport)
        transport.resume_reading()

    def _shaken(self, error: OSError | None) -> None:
        self._gateway.guests.discard(self._conversation.side)
        if error is not None:
            self._note_broken(error)

    def _note_broken(self, error: OSError) -> None:
        authority = self._authority
        entry = self._gateway.trail.entry("tunnel", "CONNECT", authority.host, authority.port, "")
        why = getattr(error, "reason", None) or type(error).__name__
        entry.rule = "tls.handshake"
        entry.reason = (
            f"the client broke off the TLS handshake ({why}); does it trust the bottle's CA, and is the clock right?"
        )
        self._gateway.trail.close(entry)
