"""What the way out would say to a request, without making it."""

from attrs import frozen

from bottle.domain.egress import Request, Scheme, Verdict, decide, decide_address
from bottle.domain.errors import UsageError
from bottle.domain.hosts import InvalidHostError, address_of, authority
from bottle.domain.plan import BottlePlan
from bottle.domain.targets import InvalidTargetError, parse_target

_DEFAULT_PORTS: dict[str, tuple[Scheme, int]] = {"https": ("https", 443), "http": ("http", 80)}


@frozen
class Explanation:
    """A request in normal form and the verdict on it."""

    request: Request
    verdict: Verdict


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
