"""What an operator let through for a while: it holds for as long as was said and no request longer, whoever reloads."""

import pytest
from attrs import define, evolve

from bottle.domain.egress import Grant, Policy, Route
from bottle.domain.egress_config import EgressReload
from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.policy_document import parse_policy, policy_document
from bottle.domain.strict_json import ConfigError
from sidecars.egress.refusal import Refused
from sidecars.egress.rules import Rules, build
from tests.egress.conftest import MakeOrigin, MakeSidecar
from tests.egress.harness import curl, route

HOST = "api.example.com"
HERE = Authority(HOST, 80)
PLAIN = Route(HostPattern(HOST), scheme="http", ports=(80,))


@define
class Clock:
    """Seconds since the epoch, as a test wants them."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rules(clock: Clock, *routes: Route, standing: Rules | None = None, steady: Clock | None = None) -> Rules:
    made = build(EgressReload(Policy(routes)), standing)
    ends = standing.ends if standing else {}
    return evolve(made, clock=clock, steady=steady or clock, ends=ends)


def passes(judged: Rules, path: str = "/") -> bool:
    try:
        judged.judge("http", HERE, "GET", path)
    except Refused:
        return False
    return True


def granted(number: str = "aaaaaaaa", until: float | None = None, *, once: bool = False, path: str = "") -> Route:
    return evolve(PLAIN, grant=Grant(number, until, once), paths=(path,) if path else ())


def test_a_grant_without_an_end_lasts(clock: Clock) -> None:
    judged = rules(clock, granted())
    clock.now = 10**9
    assert [passes(judged) for _ in range(3)] == [True, True, True]


def test_a_grant_ends_when_its_time_is_over_though_the_same_request_was_remembered(clock: Clock) -> None:
    judged = rules(clock, granted(until=1060.0))
    outcomes = []
    for clock.now in (1000.0, 1059.9, 1060.0, 1061.0, 1000.0):
        outcomes.append(passes(judged))
    assert outcomes == [True, True, False, False, False], "a clock that is set back brings nothing back"


def test_a_time_of_day_that_is_set_back_prolongs_nothing(clock: Clock) -> None:
    """Neither what stands, nor what the host sends again because it, too, believes the time of day."""
    steady = Clock(7.0)
    judged = rules(clock, granted(until=1060.0), steady=steady)
    clock.now -= 365 * 86400
    assert passes(judged)
    steady.now += 60
    assert not passes(judged)
    again = rules(clock, granted(until=1060.0), granted("bbbbbbbb"), standing=judged, steady=steady)
    assert passes(again)  # the other one
    assert [route.grant and route.grant.id for route in again.policy.routes] == ["bbbbbbbb"]


def test_a_time_of_day_that_is_set_forwards_ends_what_it_passes(clock: Clock) -> None:
    judged = rules(clock, granted(until=1060.0), steady=Clock(7.0))
    clock.now += 365 * 86400
    assert not passes(judged)


def test_after_a_jump_the_next_grant_lasts_as_long_as_was_said(clock: Clock) -> None:
    steady = Clock(7.0)
    judged = rules(clock, granted(until=1060.0), steady=steady)
    clock.now -= 500
    renewed = rules(clock, granted("bbbbbbbb", until=clock.now + 60), standing=judged, steady=steady)
    steady.now, clock.now = steady.now + 59, clock.now + 59
    assert passes(renewed)
    steady.now, clock.now = steady.now + 1, clock.now + 1
    assert not passes(renewed)


def test_the_grants_of_several_proposals_end_one_by_one(clock: Clock) -> None:
    judged = rules(clock, granted(until=1060.0, path="/a"), granted("bbbbbbbb", 1030.0, path="/b"), granted(path="/c"))
    clock.now = 1040.0
    assert [passes(judged, path) for path in ("/a", "/b", "/c")] == [True, False, True]
    clock.now = 1070.0
    assert [passes(judged, path) for path in ("/a", "/b", "/c")] == [False, False, True]


def test_a_grant_for_one_request_is_spent_by_it(clock: Clock) -> None:
    judged = rules(clock, granted(once=True))
    assert [passes(judged) for _ in range(3)] == [True, False, False]


def test_what_is_spent_stays_spent_when_the_host_sends_it_again(clock: Clock) -> None:
    """The host cannot know what was used: every reload names all that was granted."""
    first = rules(clock, granted(once=True))
    assert passes(first)
    second = rules(clock, granted(once=True), standing=first)
    third = rules(clock, granted(once=True), granted("bbbbbbbb", once=True), standing=second)
    assert (passes(second), passes(third), passes(third)) == (False, True, False)


def test_an_ordinary_route_goes_before_nothing_and_is_never_spent(clock: Clock) -> None:
    judged = rules(clock, PLAIN, granted(once=True))
    assert [passes(judged) for _ in range(3)] == [True, True, True]


def test_a_tunnel_is_not_opened_to_what_has_lapsed(clock: Clock) -> None:
    judged = rules(clock, granted(until=1010.0))
    clock.now = 1010.0
    assert judged.judge_tunnel(Authority(HOST, 443)).rule == "host.unlisted"


@pytest.mark.parametrize("grant", [Grant("aaaaaaaa"), Grant("aaaaaaaa", 12.5), Grant("aaaaaaaa", 1e9, once=True), None])
def test_a_grant_travels_as_it_is(grant: Grant | None) -> None:
    policy = Policy((evolve(PLAIN, grant=grant),), 3)
    assert parse_policy(policy_document(policy)) == policy


@pytest.mark.parametrize(
    "grant",
    [
        {"id": ""},
        {},
        {"id": "a", "until": "soon"},
        {"id": "a", "until": True},
        {"id": "a", "until": float("nan")},
        {"id": "a", "until": float("inf")},
        {"id": "a", "once": 1},
        {"id": "a", "for": 3},
        [],
        "a",
    ],
)
def test_a_grant_that_is_not_understood_refuses_the_document(grant: object) -> None:
    """A time that is no number would never be over."""
    with pytest.raises(ConfigError):
        parse_policy({"routes": [{"host": HOST, "grant": grant}]})


def test_on_a_running_way_out(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([])
    assert b"host.unlisted" in curl(sidecar, f"http://{HOST}/").stdout
    once = [route(HOST, make_origin(HOST), grant={"id": "aaaaaaaa", "once": True})]
    assert sidecar.reload(once, 2, leaves=sidecar.leaves(once))["version"] == 2
    assert curl(sidecar, f"https://{HOST}/").stdout == b"hello"
    assert sidecar.reload(once, 3)["version"] == 3
    assert curl(sidecar, f"https://{HOST}/").stdout == b"", "spent, though the document names it again"
