"""Whether a request becomes an exchange: it is judged by the policy, its head is looked at, and the verdict is written
down. A little head is looked at once, a long one on a thread beside the loop."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bottle.domain.dlp.finding import Finding
from bottle.domain.dlp.stream import Leak, Stream
from sidecars.egress.door import Named
from sidecars.egress.exchange import Exchange
from sidecars.egress.gateway import Gateway
from sidecars.egress.handshake import Opening
from sidecars.egress.refusal import Refusal, Refused, of_leak
from sidecars.egress.rules import Ticket, refuse_second_place
from sidecars.egress.wire import RequestHead
from sidecars.scanner.guard import Guard, threads

if TYPE_CHECKING:
    from sidecars.egress.conversation import Conversation


class Admission:
    """One request's: `judge`, then `look`, then `conclude`, each only where nothing was refused before."""

    def __init__(self, gateway: Gateway, head: RequestHead, named: Named) -> None:
        self.opening: Opening | None = None
        self._gateway = gateway
        self._head = head
        self._named = named
        path, mark, _ = named.target.partition("?")
        authority = named.authority
        self._entry = gateway.trail.entry("http", head.method, authority.host, authority.port, path, query=bool(mark))
        self._guard: Guard | None = None
        self._ticket: Ticket
        self._scan: Stream | None = None

    def judge(self, opening: Callable[[RequestHead], Opening | None]) -> Refusal | None:
        """The policy's refusal, if there is one; `opening` reads a handshake and raises Refused."""
        named, head = self._named, self._head
        try:
            self.opening = opening(head) if head.upgrade else None
            self._ticket = self._gateway.rules.judge(named.scheme, named.authority, head.method, named.target)
            refuse_second_place(self._ticket, head.place)
        except Refused as refused:
            self._gateway.note_refusal(self._entry, refused.refusal)
            return refused.refusal
        return None

    def look(self, told: Callable[[Leak | None], None]) -> bool:
        """Tells what is found in the head, or None. Returns whether that comes later, as a thread is at work on it."""
        if not self._ticket.route.scan:
            told(None)
            return False
        self._guard = guard = self._gateway.rules.guard_for(self._ticket)
        target, fields = self._head.target.encode("latin-1"), self._head.fields
        if not guard.takes_long(target, fields):
            told(_leak_in(guard.check_head, target, fields))
            return False

        def done(job: "asyncio.Future[None]") -> None:
            told(_leak_in(job.result) or _leak_in(guard.put_head_together, target, fields))

        job = asyncio.get_running_loop().run_in_executor(threads(), guard.look_at_head, target, fields)
        job.add_done_callback(done)
        return True

    def conclude(self, leak: Leak | None) -> Refusal | None:
        """Writes the verdict down; the refusal, where something was found, or where nothing can be written."""
        gateway, entry, ticket, head = self._gateway, self._entry, self._ticket, self._head
        try:
            if leak is not None:
                raise leak
            if self._guard is not None and (head.chunked or head.length):
                self._scan = self._guard.body(head.packing)
        except Leak as found:
            entry.path = "/"  # what was found may stand in it
            gateway.note_refusal(entry, of_leak(found))
            return of_leak(found)
        entry.allowed, entry.rule, entry.reason = True, ticket.verdict.rule, ticket.verdict.reason
        if not ticket.facts:
            ticket.facts.append(gateway.trail.facts(entry))
        entry.facts = ticket.facts[0]
        return gateway.opens(entry)

    def exchange(self, conversation: "Conversation") -> Exchange:
        """What the request becomes."""
        return Exchange(conversation, self._ticket, self._head, self._entry, self.opening, self._scan)


def _leak_in(look: Callable[..., object], *head: Any) -> Leak | None:
    try:
        look(*head)
    except Leak as leak:
        return leak
    except Exception as error:  # noqa: BLE001 - whatever it was, the head was not judged
        asyncio.get_running_loop().call_exception_handler({"exception": error})
        return Leak(Finding("dlp.failed", "the scanner failed", "the head"))
    return None
