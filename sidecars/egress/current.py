"""The request that is being read or answered, and what its refusal leaves of the connection. Pure."""

from attrs import define

from sidecars.egress import limits
from sidecars.egress.refusal import Refusal
from sidecars.egress.wire import RequestHead


@define(eq=False)
class Current:
    """A request of which the head was read; none before the first, and where what came was no request."""

    head: RequestHead | None = None
    is_complete: bool = True

    @property
    def method(self) -> str:
        return self.head.method if self.head is not None else ""

    @property
    def named(self) -> str:
        """As much of a refused target as is worth a line: never its path or query."""
        target = self.head.target if self.head is not None else ""
        _, scheme, rest = target.partition("://")
        return (rest if scheme else target).partition("/")[0][:255]

    @property
    def has_more_to_come(self) -> bool:
        """Whether a part of the body has not been read yet."""
        head = self.head
        return not self.is_complete and (head is None or head.chunked or bool(head.length))

    @property
    def leaves_much_unread(self) -> bool:
        """Whether more is still to come than is worth reading for nothing."""
        head = self.head
        return not self.is_complete and (head is None or head.chunked or (head.length or 0) > limits.DISCARD)

    def must_end_with(self, refusal: Refusal) -> bool:
        """Whether nothing can follow on the connection once the request is refused so."""
        head = self.head
        if head is None or refusal.status in (421, 426):
            return True
        if head.upgrade or head.method == "CONNECT":  # the reader has ended
            return True
        return self.leaves_much_unread or (head.expects_continue and not self.is_complete)
