"""Secret patterns in a real bottle of each kind: the image and the host bring the same rules to the way out."""

import random
from ipaddress import ip_address, ip_network

import pytest
from attrs import evolve

from bottle.domain.dlp.settings import Scanning, Silence
from bottle.domain.egress import Endpoint, Route
from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.plan import PlannedRoute
from bottle.domain.toolchain import own_env
from tests.patterns.tokens import drawn
from tests.support import bottles
from tests.support.requirements import require

HOST = "api.example.com"
NOWHERE = Route(
    HostPattern(HOST), connect_to=Endpoint(ip_address("127.0.0.1"), 9), private_ips=(ip_network("127.0.0.0/8"),)
)
TOKEN = drawn("glpat-{url:20}", random.Random(41))
RULES = ("gitlab-pat", "kingfisher.gitlab.1", "bottle.named-key", "bottle.named-secret")


@pytest.mark.parametrize("kind", ["docker", "bubblewrap"])
def test_a_bottle_sends_nothing_that_looks_like_a_secret(kind: str) -> None:
    """But where the operator has silenced the rule: then only that nobody listens there is in the way."""
    require(kind)
    embedded = kind == "bubblewrap"
    backend = bottles.bubblewrap_backend("patterns") if embedded else bottles.docker_backend("patterns")
    images = bottles.PROGRAMS if embedded else bottles.images_for_tests()
    plan = bottles.a_plan(images, env=own_env(Authority("egress", 8888)), routes=[PlannedRoute(NOWHERE)])
    silences = tuple(Silence(rule, path="/quiet") for rule in RULES)
    with bottles.launched(backend, evolve(plan, scanning=Scanning(silences=silences))) as bottle:
        loud, quiet = (
            bottle.run(["curl", "-sS", "-m", "20", "-H", f"X-Note: {TOKEN}", f"https://{HOST}/{path}"], timeout=40)
            for path in ("loud", "quiet")
        )
    assert b'"dlp.' in loud.stdout, loud
    assert b'"dlp.' not in quiet.stdout, quiet
    assert b'"rule"' in quiet.stdout, quiet
