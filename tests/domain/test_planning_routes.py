"""How the bottle's routes and the provider's come together, and how credentials become slots."""

import pytest
from attrs import evolve

from bottle.domain.manifest import (
    Auth,
    ManifestRoute,
)
from bottle.domain.planning import merge_routes
from bottle.domain.provider import Provision
from tests.support.plans import plan, route


def test_a_host_that_is_not_listed_is_added_at_the_end() -> None:
    listed, offer = route("one.test"), route("two.test", "T", scan=False)
    assert merge_routes([listed], [offer]) == (listed, offer)
    assert merge_routes([], [offer]) == (offer,)
    assert merge_routes([listed], []) == (listed,)


def test_a_listed_host_keeps_its_rules_and_is_given_the_credential() -> None:
    listed = route(methods=("POST",), paths=("/v1",), scan=True)
    assert merge_routes([listed], [route(token_ref="T", scan=False)]) == (evolve(listed, auth=Auth("T")),)


def test_a_listed_credential_stays() -> None:
    listed = route(token_ref="MINE")
    assert merge_routes([listed], [route(token_ref="THEIRS")]) == (listed,)


def test_all_routes_to_the_host_are_given_the_credential() -> None:
    listed = [route(paths=("/a",)), route("other.test"), route(paths=("/b",))]
    merged = merge_routes(listed, [route(token_ref="T")])
    assert [found.auth for found in merged] == [Auth("T"), None, Auth("T")]


@pytest.mark.parametrize("listed", [route(scheme="http", ports=(80,)), route("*.test")])
def test_neither_plain_http_nor_a_wildcard_is_given_a_credential(listed: ManifestRoute) -> None:
    offer = route(token_ref="T")
    assert merge_routes([listed], [offer]) == (listed, offer)


def test_every_distinct_credential_has_one_slot() -> None:
    routes = (route("a.test", "ONE"), route("b.test"), route("c.test", "TWO"), route("d.test", "ONE"))
    found = plan(bottle={"routes": routes}, secrets=frozenset({"TWO"}))
    slots = [planned.slot.name if planned.slot else None for planned in found.routes]
    assert slots == ["EGRESS_TOKEN_0", None, "EGRESS_TOKEN_1", "EGRESS_TOKEN_0"]
    assert [(slot.name, slot.token_ref, slot.available) for slot in found.slots] == [
        ("EGRESS_TOKEN_0", "ONE", False),
        ("EGRESS_TOKEN_1", "TWO", True),
    ]
    assert found.missing_secrets == ("ONE",)
    injected = [
        (rule.inject.header, rule.inject.scheme, rule.inject.slot) for rule in found.policy.routes if rule.inject
    ]
    assert injected == [("authorization", "Bearer", f"EGRESS_TOKEN_{number}") for number in (0, 1, 0)]


def test_what_the_bottle_lists_is_its_own_even_where_the_provider_says_the_same() -> None:
    offer = route(token_ref="T", scan=False)
    found = plan(bottle={"routes": (route(scan=False),)}, provides=Provision(("agent",), routes=(offer,)))
    assert [(planned.route.source, planned.slot is not None) for planned in found.routes] == [("bottle", True)]
    found = plan(provides=Provision(("agent",), routes=(offer,)))
    assert [planned.route.source for planned in found.routes] == ["provider"]


def test_a_route_is_carried_over_whole() -> None:
    listed = route("x.test", ports=(443, 8443), methods=("GET",), paths=("/a",), scan=False)
    (found,) = plan(bottle={"routes": (listed,)}).policy.routes
    for name in ("host", "scheme", "ports", "methods", "paths", "scan", "private_ips", "connect_to"):
        assert getattr(found, name) == getattr(listed, name)


def test_nothing_listed_is_nothing_allowed() -> None:
    assert plan().policy.routes == ()
