"""Clients that agents use fetch through a real bottle's way out, told nothing but what every box is told."""

import importlib.util
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from attrs import evolve, frozen

from bottle.adapters import build_context
from bottle.adapters.fake.progress import FakeProgress
from bottle.app.ports import Bottle
from bottle.domain.egress import Endpoint, Route
from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.plan import Image, PlannedRoute
from bottle.domain.planning import own_env
from bottle.domain.provision import GUEST_HOME, HostTree
from tests.egress.harness import Origin, TestCa
from tests.egress.package_origin import SAID, Packages
from tests.egress.test_chain_in_bottles import host_address
from tests.support import bottles
from tests.support.bottles import a_plan
from tests.support.requirements import require

pytestmark = pytest.mark.timeout(900)  # images may have to be built

HOST = "api.example.com"
BASE = f"https://{HOST}"
RECIPE = Path(__file__).parent / "clients" / "Dockerfile"
PACKAGES = f"{GUEST_HOME}/packages"
PURE = ("pip", "requests", "urllib3", "idna", "certifi", "charset_normalizer", "httpx", "httpcore", "h11", "anyio",
        "typing_extensions")  # fmt: skip
"""Python's clients come along: what a system has of them differs."""

_CONNECT = """
const http = require('http'), https = require('https'), proxy = new URL(process.env.HTTPS_PROXY);
const place = 'api.example.com:443', headers = {Host: place};
const opening = http.request({host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: place, headers});
opening.on('connect', (answer, socket) => {
  https.get({host: 'api.example.com', path: '/', socket, agent: false}, response => response.pipe(process.stdout));
}).end();
"""
_PIP = f"""
python3 -m pip -q --no-cache-dir --disable-pip-version-check install --target /tmp/site --index-url {BASE}/simple thing
PYTHONPATH=/tmp/site python3 -c 'import thing; print(thing.SAID)'
"""
_NPM = f"""
mkdir /tmp/npm && cd /tmp/npm && npm install --silent --no-audit --no-fund --registry {BASE}/ thing
node -p 'require("thing")'
"""
CLIENTS = {
    "curl": ["curl", "-sS", f"{BASE}/"],
    "git": ["sh", "-c", f"git clone -q {BASE}/repo.git /tmp/clone && cat /tmp/clone/said.txt"],
    "pip": ["sh", "-c", _PIP],
    "npm": ["sh", "-c", _NPM],
    "node": ["node", "-e", _CONNECT],
    "urllib": ["python3", "-c", f"import urllib.request as u; print(u.urlopen('{BASE}/').read().decode())"],
    "requests": ["python3", "-c", f"import requests; print(requests.get('{BASE}/').text)"],
    "httpx": ["python3", "-c", f"import httpx; print(httpx.get('{BASE}/').text)"],
}  # fmt: skip
NEEDED = {"pip": "python3", "urllib": "python3", "requests": "python3", "httpx": "python3"}


@frozen
class Place:
    """A running bottle and the origin that its route leads to."""

    backend: str
    bottle: Bottle
    origin: Origin


def box_image() -> tuple[Image, Image]:
    """The box with the clients in it, and the sidecar; built where they are missing."""
    sidecar = bottles.images_for_tests()[1]
    backend = bottles.docker_backend("tests:images")
    image = backend._known(build_context.custom("test-clients", RECIPE))
    for missing in backend.missing([image]):
        backend.build(missing, FakeProgress())
    return image, sidecar


def packages() -> list[HostTree]:
    """Python's clients as they lie on this host."""
    found = [(name, importlib.util.find_spec(name)) for name in PURE]
    return [
        HostTree(str(Path(spec.origin).parent), f"{PACKAGES}/{name}")
        for name, spec in found
        if spec is not None and spec.origin is not None and spec.submodule_search_locations
    ]


@pytest.fixture(scope="module", params=["docker", "bubblewrap"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    require(request.param)
    in_box = request.param == "docker"
    backend = bottles.docker_backend("clients") if in_box else bottles.bubblewrap_backend("clients")
    world, address = TestCa("world test CA"), host_address(request.param)
    files = Packages(tmp_path_factory.mktemp("packages"), BASE)
    origin = Origin(files.answer, tls=world.issue(HOST), host=address)
    route = Route(
        HostPattern(HOST),
        connect_to=Endpoint(ip_address(address), origin.port),
        private_ips=(ip_network(f"{address}/32"),),
    )
    told = {**own_env(Authority("egress", 8888)), "PYTHONPATH": PACKAGES}
    plan = a_plan(box_image() if in_box else bottles.PROGRAMS, env=told, trees=packages())
    cargo = evolve(bottles.a_cargo(), upstream_roots=world.pem)
    with bottles.launched(backend, evolve(plan, routes=(PlannedRoute(route),)), cargo) as bottle:
        yield Place(request.param, bottle, origin)
    origin.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_fetches_through_the_way_out(place: Place, client: str) -> None:
    if place.backend == "bubblewrap":
        require(NEEDED.get(client, client))
    before = len(place.origin.received)
    done = place.bottle.run(CLIENTS[client], timeout=90)
    assert SAID in done.stdout.decode(), done.stderr.decode()
    assert len(place.origin.received) > before


def test_a_client_that_asks_elsewhere_is_told_why(place: Place) -> None:
    done = place.bottle.run(["curl", "-sS", "-i", "https://elsewhere.example.net/"], timeout=30)
    assert b"elsewhere.example.net is not listed" in done.stdout + done.stderr


def test_node_is_told_to_use_the_proxy() -> None:
    """Node's own fetch and https look at no proxy's variables without it (22.21, 24.5 and later do with it)."""
    assert own_env(Authority("egress", 8888))["NODE_USE_ENV_PROXY"] == "1"
