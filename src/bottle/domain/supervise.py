"""What a stuck agent asks its operator for, what is answered, and what comes of it.

A proposal is data from inside a bottle: it is bounded, holds no character that a terminal obeys or that reorders text,
and changes nothing by itself. An answer is the host's alone.
"""

import ipaddress
import re
import unicodedata
from typing import Literal

from attrs import evolve, frozen

from bottle.domain.addresses import kind_of
from bottle.domain.dlp.finding import FINGERPRINT
from bottle.domain.egress import Grant, Policy, Route
from bottle.domain.fragments import fragment_fault, headline
from bottle.domain.hosts import Authority, HostPattern, InvalidHostError, address_of, bracketed
from bottle.domain.targets import InvalidTargetError, parse_target

SERVICE = Authority("supervise", 9100)
"""Where the agent finds the server."""

Kind = Literal["egress-block", "pipelock-block", "capability-block", "ask"]
KINDS: tuple[Kind, ...] = ("egress-block", "pipelock-block", "capability-block", "ask")
State = Literal["pending", "approved", "rejected", "expired", "applied", "failed"]
"""`approved`: said yes, and something is still to be done before it holds. `applied`: it holds. `failed`: it could not
be made to hold. An answer never goes back to `pending`."""
STATES: tuple[State, ...] = ("pending", "approved", "rejected", "expired", "applied", "failed")
Scope = Literal["once", "minutes", "bottle", "kept"]
SCOPES: tuple[Scope, ...] = ("once", "minutes", "bottle", "kept")

ID_LENGTH = 8
ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without characters that are mistaken for one another when they are typed on a phone."""
_ID = re.compile(rf"[{ID_ALPHABET}]{{{ID_LENGTH}}}\Z")

LIFETIME = 24 * 3600.0
"""Seconds after which a proposal that nobody answered has expired."""
LONGEST_WHY = 2000
LONGEST_WORD = 500
LONGEST_FRAGMENT = 4000
MOST_CHOICES = 8
MOST_METHODS = 8
MOST_MINUTES = 7 * 24 * 60

_HTTP, _HTTPS, _MAX_PORT = 80, 443, 65535
_METHOD = re.compile(r"[A-Z][A-Z-]{0,31}\Z")


class InvalidProposalError(ValueError):
    """What was asked for is no proposal. The message says what to write instead."""


@frozen
class EgressWish:
    """A destination: a host, optionally the path at or below which it is, methods (none: any), and a port.

    Port 80 is plain HTTP, every other TLS.
    """

    host: str
    path: str = ""
    methods: tuple[str, ...] = ()
    port: int = 443


@frozen
class ScanWish:
    """That the scanner pass what it found once under this fingerprint."""

    fingerprint: str


@frozen
class CapabilityWish:
    """A tool or package that the image lacks, as lines of a Dockerfile (fragments.py says which)."""

    fragment: str


@frozen
class Question:
    """A question to the operator; the agent's reasons are the question. `choices` may be empty."""

    choices: tuple[str, ...] = ()


Wish = EgressWish | ScanWish | CapabilityWish | Question


@frozen
class Proposal:
    """What was asked, by which bottle, when (seconds since the epoch), and why, in the agent's words."""

    id: str
    identity: str
    asked_at: float
    why: str
    wish: Wish

    @property
    def kind(self) -> Kind:
        return _KIND_OF[type(self.wish)]

    @property
    def title(self) -> str:
        """What is asked for, in a line."""
        match self.wish:
            case EgressWish(host, path, methods, port):
                place = host if port == _HTTPS else f"{host}:{port}"
                return f"{', '.join(methods) or 'any method'} to {place}{path}"
            case ScanWish(fingerprint):
                return f"let {fingerprint} pass the scanner"
            case CapabilityWish(fragment):
                return headline(fragment)
            case Question(choices):
                return f"{self.why.strip().splitlines()[0]}{' (' + ' / '.join(choices) + ')' if choices else ''}"


@frozen
class Decision:
    """The answer. Times are seconds since the epoch; `until` ends what was granted, None where no time does.

    `reason` is for the agent to read, `by` names the operator's account.
    """

    id: str
    state: State
    decided_at: float
    by: str
    scope: Scope | None = None
    until: float | None = None
    reason: str = ""
    answer: str = ""


@frozen
class Asked:
    """A proposal with its answer, if there is one."""

    proposal: Proposal
    decision: Decision | None = None

    def state(self, now: float) -> State:
        if self.decision is not None:
            return self.decision.state
        return "expired" if now > self.proposal.asked_at + LIFETIME else "pending"


@frozen
class Grants:
    """What the way out of one bottle was told: the policy of its manifest, and what was granted on top of it.

    `version` counts what was sent; the next policy has the next number.
    """

    base: Policy
    granted: tuple[Route, ...] = ()
    version: int = 0
    approved: tuple[str, ...] = ()
    """Fingerprints that the scanner lets pass."""

    def policy(self, now: float) -> Policy:
        """What should stand now."""
        scanning = self.base.scanning
        for fingerprint in self.approved:
            scanning = scanning.approving(fingerprint)
        return Policy((*self.base.routes, *self._living(now)), self.version, scanning)

    def with_route(self, route: Route, now: float) -> "Grants":
        """One more route; the same proposal's earlier one gives way. What has lapsed goes."""
        assert route.grant is not None  # noqa: S101
        others = [old for old in self._living(now) if old.grant is None or old.grant.id != route.grant.id]
        return evolve(self, granted=(*others, route), version=self.version + 1)

    def with_approved(self, fingerprint: str) -> "Grants":
        """One more finding of the scanner's that may pass."""
        approved = tuple(dict.fromkeys((*self.approved, fingerprint)))
        return evolve(self, approved=approved, version=self.version + 1)

    def _living(self, now: float) -> tuple[Route, ...]:
        return tuple(route for route in self.granted if route.grant is None or not route.grant.has_lapsed(now))


_KIND_OF: dict[type[Wish], Kind] = {
    EgressWish: "egress-block",
    ScanWish: "pipelock-block",
    CapabilityWish: "capability-block",
    Question: "ask",
}


def first_grants(policy: Policy) -> Grants:
    """What a bottle starts with."""
    return Grants(base=policy, version=policy.version)


def is_proposal_id(text: str) -> bool:
    return _ID.match(text) is not None


def checked(proposal: Proposal) -> Proposal:
    """The proposal, if it may be shown to an operator. Raises InvalidProposalError."""
    if not is_proposal_id(proposal.id):
        raise InvalidProposalError("id: no id of a proposal")
    _require_text(proposal.why, "why", LONGEST_WHY)
    match proposal.wish:
        case EgressWish(host):
            normal = bracketed(route_for(proposal.wish, Grant(proposal.id)).host.text)
            if normal != host:  # letters that look like others, or cannot be seen, would stand before the operator
                raise InvalidProposalError(f"host: it is looked up as {normal}; write that, if it is meant")
        case ScanWish(fingerprint):
            if FINGERPRINT.match(fingerprint) is None:
                raise InvalidProposalError("fingerprint: take it from the refusal as it stands there")
        case CapabilityWish(fragment):
            _require_text(fragment, "dockerfile", LONGEST_FRAGMENT)
            if (fault := fragment_fault(fragment)) is not None:
                raise InvalidProposalError(f"dockerfile: {fault}")
        case Question(choices):
            if len(choices) > MOST_CHOICES or len(set(choices)) < len(choices):
                raise InvalidProposalError(f"choices: at most {MOST_CHOICES}, no two alike")
            for choice in choices:
                _require_text(choice, "choices", LONGEST_WORD, lines=False)
    return proposal


def route_for(wish: EgressWish, grant: Grant) -> Route:
    """The route that is asked for. It never carries a credential, and is always scanned.

    Raises InvalidProposalError where a manifest could not say it either.
    """
    if len(wish.host) > LONGEST_WORD or len(wish.path) > LONGEST_WORD:
        raise InvalidProposalError(f"host and path have at most {LONGEST_WORD} characters each")
    try:
        host = HostPattern.parse(wish.host)
    except InvalidHostError as error:
        raise InvalidProposalError(f"host: {error}") from None
    if len(wish.methods) > MOST_METHODS or not all(_METHOD.match(method) for method in wish.methods):
        raise InvalidProposalError(f"methods: at most {MOST_METHODS}, in upper case, such as GET")
    if wish.path:
        _require_path(wish.path)
    if not 1 <= wish.port <= _MAX_PORT:
        raise InvalidProposalError(f"port: a number from 1 to {_MAX_PORT}")
    address = address_of(host.text)
    return Route(
        host=host,
        scheme="http" if wish.port == _HTTP else "https",
        ports=(wish.port,),
        methods=wish.methods,
        paths=(wish.path,) if wish.path else (),
        private_ips=(ipaddress.ip_network(address),) if address is not None and kind_of(address) else (),
        source=f"supervise {grant.id}",
        grant=grant,
    )


def concerns(route: Route, base: Policy) -> tuple[str, ...]:
    """What an operator should know before saying yes; nothing for a route like those of any manifest."""
    found = []
    if route.host.is_wildcard:
        found.append(f"{route.host.text} is a wildcard: whoever can make a name below it is reached too")
    if "xn--" in route.host.text:
        found.append(f"{route.host.text} is an international name: in its own letters it may look like another host")
    if route.private_ips:
        found.append(f"{route.host.text} is no public address: it is this machine, or one of your own network's")
    if any(listed.inject and listed.host.matches(route.host.text) for listed in base.routes):
        found.append(f"{route.host.text} is given a credential elsewhere in this bottle; here it is not")
    return tuple(found)


def plain_fault(text: str, longest: int, *, lines: bool = True) -> str | None:
    """Why the text cannot be shown to an operator as it is, or None."""
    if not text.strip():
        return "a text belongs here"
    if len(text) > longest:
        return f"at most {longest} characters"
    allowed = "\n" if lines else ""
    bad = next((one for one in text if one not in allowed and unicodedata.category(one) in _NOT_SHOWN), None)
    return None if bad is None else f"plain text alone: no U+{ord(bad):04X}"


# Control and format characters (bidirectional overrides, zero width), halves of pairs, private use, line separators.
_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _require_text(text: str, where: str, longest: int, *, lines: bool = True) -> None:
    if (fault := plain_fault(text, longest, lines=lines)) is not None:
        raise InvalidProposalError(f"{where}: {fault}")


def _require_path(path: str) -> None:
    if any(character in path for character in "?#;*"):
        raise InvalidProposalError("path: without query, fragment, parameters and `*`; it stands for all below it")
    try:
        normal = parse_target(path).readings[0]
    except InvalidTargetError as error:
        raise InvalidProposalError(f"path: {error}") from None
    if normal != path:
        raise InvalidProposalError(f"path: a server sees it as {normal}; write that, if it is meant")
