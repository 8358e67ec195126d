"""A bottle on each backend behind a real upstream proxy: the origin is on the host's loopback, where the proxy alone
can reach it from a container."""

import json
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import docker
import pytest
from attrs import evolve, frozen

from bottle.app.ports import Backend, Bottle
from bottle.domain.egress import Endpoint, Route
from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.plan import BottlePlan, PlannedRoute
from bottle.domain.toolchain import own_env
from bottle.domain.upstream_proxy import UpstreamProxy
from tests.egress.harness import Origin, TestCa
from tests.egress.proxies import PASSWORD, USER, TinyProxy
from tests.support import bottles
from tests.support.bottles import a_plan
from tests.support.requirements import require

pytestmark = pytest.mark.timeout(900)  # images may have to be built

HOST = "api.example.com"
TOLD = own_env(Authority("egress", 8888))


@frozen
class Chained:
    """A bottle, the proxy behind its way out, and the origin behind that."""

    bottle: Bottle
    proxy: TinyProxy
    origin: Origin

    def fetch(self, path: str) -> bytes:
        done = self.bottle.run(["curl", "-sS", "-m", "20", f"https://{HOST}{path}"], timeout=40)
        return done.stdout + done.stderr


def host_address(name: str) -> str:
    """The address of this host's that the backend's sidecar reaches."""
    if name == "bubblewrap":
        return "127.0.0.1"
    client = docker.APIClient()
    try:
        gateway: str = client.inspect_network("bridge")["IPAM"]["Config"][0].get("Gateway", "172.17.0.1")
        return gateway
    finally:
        client.close()


def backend_of(name: str) -> tuple[Backend, BottlePlan]:
    """The backend, and an empty plan for it."""
    require(name)
    if name == "bubblewrap":
        return bottles.bubblewrap_backend("chain"), a_plan(bottles.PROGRAMS, env=TOLD)
    return bottles.docker_backend("chain"), a_plan(bottles.images_for_tests(), env=TOLD)


@pytest.fixture(scope="module", params=["docker", "bubblewrap"])
def chained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chained]:
    require("tinyproxy")
    backend, plan = backend_of(request.param)
    address = host_address(request.param)
    world = TestCa("world test CA")
    origin = Origin(tls=world.issue(HOST))
    proxy = TinyProxy(tmp_path_factory.mktemp("proxy"), credential=(USER, PASSWORD), listen=address)
    loopback = Endpoint(ip_address("127.0.0.1"), origin.port)
    route = Route(HostPattern(HOST), connect_to=loopback, private_ips=(ip_network("127.0.0.0/8"),))
    plan = evolve(plan, routes=(PlannedRoute(route),))
    upstream = UpstreamProxy(Authority(address, proxy.port), f"{USER}:{PASSWORD}")
    cargo = evolve(bottles.a_cargo(), upstream_roots=world.pem, upstream_proxy=upstream)
    with bottles.launched(backend, plan, cargo) as bottle:
        yield Chained(bottle, proxy, origin)
    proxy.close()
    origin.close()


def test_the_way_out_goes_through_the_proxy_with_its_credential(chained: Chained) -> None:
    assert chained.fetch("/deep") == b"hello"
    assert chained.origin.received[-1].target == "/deep"
    assert f"CONNECT 127.0.0.1:{chained.origin.port}" in chained.proxy.seen()


def test_the_agent_finds_the_credential_nowhere(chained: Chained) -> None:
    shown = chained.bottle.run(["sh", "-c", "env; cat /proc/*/cmdline /proc/*/environ 2>/dev/null"]).stdout
    assert PASSWORD.encode() not in shown
    assert PASSWORD.encode() not in chained.bottle.sidecar_log()


def test_a_dead_proxy_is_told_to_the_agent(chained: Chained) -> None:
    chained.proxy.close()
    told = json.loads(chained.fetch("/"))
    assert told["rule"] == "upstream.proxy"
    assert "is not reached: Connection refused" in told["reason"]
