"""What the way out would say to a request and to its body, without making it."""

from attrs import frozen

from bottle.app.ports import World
from bottle.domain.dlp.finding import Finding
from bottle.domain.egress import Request, Scheme, Verdict, decide, decide_address
from bottle.domain.egress_config import EgressReload
from bottle.domain.environment import HostVariables, Prompted, is_private
from bottle.domain.errors import UsageError
from bottle.domain.hosts import InvalidHostError, address_of, authority
from bottle.domain.plan import BottlePlan
from bottle.domain.scanned_body import Inquiry
from bottle.domain.targets import InvalidTargetError, parse_target

_DEFAULT_PORTS: dict[str, tuple[Scheme, int]] = {"https": ("https", 443), "http": ("http", 80)}


@frozen
class Explanation:
    """A request in normal form and the verdict on it."""

    request: Request
    verdict: Verdict


@frozen
class BodyExplanation:
    """What the scanner says to a body. `finding` refuses it; a body that is not `scanned` passes unread."""

    scanned: bool
    finding: Finding | None = None
    unknown: tuple[str, ...] = ()
    """What a running bottle would look for and is not known here: what is asked for at a start, and what is not set."""


def explain(plan: BottlePlan, url: str, method: str) -> Explanation:
    """The proxy's verdict on `method url`. An address is judged too where it is known without resolving a name.

    Raises UsageError for what is no URL in normal form: the proxy would answer 400.
    """
    request = parse_request(url, method)
    verdict = decide(plan.policy, request)
    if verdict.allowed and verdict.route is not None:
        endpoint = verdict.route.connect_to
        address = endpoint.address if endpoint else address_of(request.authority.host)
        if address is not None:
            judged = decide_address(verdict.route, address)
            verdict = verdict if judged.allowed else judged
    return Explanation(request, verdict)


def explain_body(world: World, plan: BottlePlan, answer: Explanation, body: bytes, coding: str = "") -> BodyExplanation:
    """The scanner's verdict on a body of that request, under a Content-Encoding.

    Raises ProvisionError where the scanner cannot be had on this host.
    """
    route = answer.verdict.route
    if route is not None and not route.scan:
        return BodyExplanation(scanned=False)
    slots = [slot for slot in plan.slots if slot.available]
    private = [name for item in plan.env if isinstance(item.entry, HostVariables) for name in item.entry.names]
    known = world.credentials.available(name for name in private if is_private(name))
    inquiry = Inquiry(
        agent=plan.agent,
        host=answer.request.authority.host,
        target=answer.request.target,
        coding=coding,
        patterns="",
        reload=EgressReload(
            policy=plan.policy,
            secrets={slot.name: world.credentials.value(slot.token_ref) for slot in slots},
            given={name: world.credentials.variable(name) for name in sorted(known)},
        ),
    )
    return BodyExplanation(scanned=True, finding=world.look_into(inquiry, body), unknown=_unknown(plan, known))


def _unknown(plan: BottlePlan, known: frozenset[str]) -> tuple[str, ...]:
    asked = [item.name for item in plan.env if isinstance(item.entry, Prompted)]
    absent = [
        name
        for item in plan.env
        if isinstance(item.entry, HostVariables)
        for name in item.entry.names
        if is_private(name) and name not in known
    ]
    return tuple(dict.fromkeys((*asked, *absent, *plan.missing_secrets)))


def parse_request(url: str, method: str) -> Request:
    """The request that a client would make of a URL; a fragment stays with the client. Raises UsageError."""
    scheme_text, separator, rest = url.partition("://")
    if not separator or scheme_text.lower() not in _DEFAULT_PORTS:
        raise UsageError(f"'{url}' is no http or https URL", hint="write it whole: https://host/path")
    scheme, default_port = _DEFAULT_PORTS[scheme_text.lower()]
    place, slash, path = rest.partition("#")[0].partition("/")
    if "?" in place:
        place, _, query = place.partition("?")
        slash, path = "/", f"?{query}"
    try:
        where = authority(place, default_port)
        return Request(scheme, where, method.upper(), parse_target(f"{slash or '/'}{path}"))
    except (InvalidHostError, InvalidTargetError) as error:
        raise UsageError(f"'{url}' is refused as it stands: {error}") from None
