"""A refusal as the agent reads it: a status, a rule, a reason, and what to ask the operator for."""

import json

from attrs import frozen

from bottle.domain.dlp.stream import Leak
from bottle.domain.egress import Verdict

_PHRASES = {
    400: "Bad Request",
    403: "Forbidden",
    408: "Request Timeout",
    413: "Content Too Large",
    417: "Expectation Failed",
    421: "Misdirected Request",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
}


@frozen
class Refusal:
    """Why a request goes no further. It never holds a secret: what it says was in the request or in the policy."""

    status: int
    rule: str
    reason: str
    ask: str | None = None
    fingerprint: str = ""
    place: str = ""
    offset: int = 0


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """Carries a refusal up to whoever can answer with it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.rule)
        self.refusal = refusal


def refused(status: int, rule: str, reason: str, ask: str | None = None) -> Refused:
    return Refused(Refusal(status, rule, reason, ask))


def of_verdict(verdict: Verdict) -> Refusal:
    """The refusal that a denying verdict means."""
    return Refusal(403, verdict.rule, verdict.reason, verdict.ask)


def of_leak(leak: Leak) -> Refusal:
    """The refusal of what holds a secret, or cannot be looked into; it names neither."""
    finding = leak.finding
    if not finding.fingerprint:
        return Refusal(403, finding.rule, finding.reason, "the route with `scan: false`, if its content may go unseen")
    ask = f"leave to send {finding.fingerprint} ({finding.rule}), if it is no secret"
    return Refusal(403, finding.rule, finding.reason, ask, finding.fingerprint, finding.place, finding.offset)


def response(refusal: Refusal, *, close: bool, body: bool = True) -> bytes:
    """The whole HTTP response. `body` is False for the answer to a HEAD.

    The reason stands in the status line as well, for clients that show nothing else of a refused CONNECT, and the JSON
    has the shape in which Anthropic's and OpenAI's clients look for a message.
    """
    content = _content(refusal)
    lines = [
        f"HTTP/1.1 {refusal.status} {_PHRASES[refusal.status]} by bottle: {_header_text(refusal.reason)}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        f"X-Bottle-Rule: {_header_text(refusal.rule)}",
        "Cache-Control: no-store",
    ]
    if refusal.status == 426:
        lines += ["Upgrade: HTTP/1.1"]  # RFC 9110 15.5.22 wants a protocol named
    if close or refusal.status == 426:
        lines += [f"Connection: {', '.join(['close'] * close + ['Upgrade'] * (refusal.status == 426))}"]
    head = "\r\n".join([*lines, "", ""]).encode("ascii", "replace")
    return head + content if body else head


def _content(refusal: Refusal) -> bytes:
    message = f"bottle refused this request: {refusal.reason} (rule {refusal.rule})"
    if refusal.ask:
        message += f". If the task needs it, ask the operator for: {refusal.ask}"
    document: dict[str, object] = {
        "type": "error",
        "error": {"type": "bottle_refused", "message": message},
        "rule": refusal.rule,
        "reason": refusal.reason,
        "ask": refusal.ask,
    }
    if refusal.fingerprint:
        document |= {"fingerprint": refusal.fingerprint, "place": refusal.place, "offset": refusal.offset}
    return json.dumps(document).encode("ascii") + b"\n"


def _header_text(text: str) -> str:
    """Text that fits one header line: printable ASCII, short. Reasons quote what the agent sent."""
    return "".join(character if " " <= character <= "~" else "?" for character in text)[:200]
