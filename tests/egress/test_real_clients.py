"""Clients that agents use fetch through a real bottle's way out, told nothing but what every box is told."""

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from attrs import evolve, frozen

from bottle.adapters import build_context
from bottle.adapters.fake.progress import FakeProgress
from bottle.app.ports import Bottle, Cargo
from bottle.domain.egress import Endpoint, Injection, Route
from bottle.domain.headers import PLACEHOLDER
from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.manifest import Resources
from bottle.domain.plan import Image, PlannedRoute, Slot
from bottle.domain.provision import GUEST_HOME, HostTree
from bottle.domain.toolchain import own_directories, own_env, own_files, placeholders
from tests.egress import java_client
from tests.egress.harness import Origin, TestCa
from tests.egress.package_kinds import SAID
from tests.egress.package_origin import Packages
from tests.egress.test_chain_in_bottles import host_address
from tests.support import bottles
from tests.support.bottles import a_plan
from tests.support.requirements import require

pytestmark = pytest.mark.timeout(900)  # images may have to be built

HOST = "api.example.com"
BASE = f"https://{HOST}"
GITHUB, TOKEN = "api.github.com", "made-up-token-of-the-bottle-4417"
EGRESS = Authority("egress", 8888)
RECIPE = Path(__file__).parent / "clients" / "Dockerfile"
PACKAGES = f"{GUEST_HOME}/packages"
PROGRAMS = f"{GUEST_HOME}/programs"
BIN = f"{GUEST_HOME}/bin"
PATH = f"{BIN}:/usr/local/bin:/usr/bin:/bin"
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
_UV = f"""
uv -q --no-cache pip install --python "$(command -v python3)" --target /tmp/uv --index-url {BASE}/simple thing
PYTHONPATH=/tmp/uv python3 -c 'import thing; print(thing.SAID)'
"""
_GO = f"""
export GOROOT=$HOME
mkdir /tmp/gone && cd /tmp/gone && go mod init example.org/mine 2>&1
GOPROXY={BASE}/go GOSUMDB=off GOFLAGS=-mod=mod go mod download example.org/thing@v1.0.0
cat ~/go/pkg/mod/example.org/thing@v1.0.0/thing.go
"""
_CARGO = f"""
mkdir -p /tmp/crate/src /tmp/crate/.cargo && cd /tmp/crate && touch src/lib.rs
printf '[registries.there]\nindex = "{BASE}/index.git"\n' > .cargo/config.toml
printf '[package]\nname = "mine"\nversion = "1.0.0"\n[dependencies]\n' > Cargo.toml
printf 'thing = {{ version = "1.0.0", registry = "there" }}\n' >> Cargo.toml
cargo -q fetch && cat ~/.cargo/registry/src/*/thing-1.0.0/src/lib.rs
"""
_MAVEN = f"""
mkdir /tmp/maven && cd /tmp/maven && cat > pom.xml <<POM
<project><modelVersion>4.0.0</modelVersion>
<parent><groupId>org.example</groupId><artifactId>thing</artifactId><version>1.0</version><relativePath/></parent>
<artifactId>mine</artifactId><packaging>pom</packaging>
<repositories><repository><id>central</id><url>{BASE}/maven</url></repository></repositories></project>
POM
mvn -q -B validate && cat ~/.m2/repository/org/example/thing/1.0/thing-1.0.pom
"""
_GRADLE = f"""
mkdir /tmp/gradle && cd /tmp/gradle && touch settings.gradle && cat > build.gradle <<BUILD
repositories {{ maven {{ url '{BASE}/maven' }} }}
configurations {{ there }}
dependencies {{ there 'org.example:thing:1.0@pom' }}
task said {{ doLast {{ configurations.there.each {{ println it.text }} }} }}
BUILD
gradle -q said
"""
_APT = f"""
echo 'deb [trusted=yes] {BASE}/debian there/' > /tmp/here.list
apt="apt-get -qq -o Dir::Etc::SourceList=/tmp/here.list -o Dir::Etc::SourceParts=/dev/null"
cd /tmp && $apt update && $apt download thing && dpkg -x thing_1.0_all.deb /tmp/unpacked && cat /tmp/unpacked/said.txt
"""
_JAVA = f"""
cd {PROGRAMS}
if [ -x java/bin/java ]; then java/bin/java -Xmx128m Ask {BASE}/ $SSL_CERT_FILE $HTTPS_PROXY
else java -Xmx128m Ask {BASE}/; fi
"""
"""A Java of the system's is set up by bottle; one that the agent brings along has to be told."""
CLIENTS = {
    "curl": ["curl", "-sS", f"{BASE}/"],
    "git": ["sh", "-c", f"git clone -q {BASE}/repo.git /tmp/clone && cat /tmp/clone/said.txt"],
    "pip": ["sh", "-c", _PIP],
    "uv": ["sh", "-c", _UV],
    "npm": ["sh", "-c", _NPM],
    "node": ["node", "-e", _CONNECT],
    "urllib": ["python3", "-c", f"import urllib.request as u; print(u.urlopen('{BASE}/').read().decode())"],
    "requests": ["python3", "-c", f"import requests; print(requests.get('{BASE}/').text)"],
    "httpx": ["python3", "-c", f"import httpx; print(httpx.get('{BASE}/').text)"],
    "go": ["sh", "-c", _GO],
    "cargo": ["sh", "-c", _CARGO],
    "gh": ["gh", "api", "user", "--jq", ".login"],
    "mvn": ["sh", "-c", _MAVEN],
    "gradle": ["sh", "-c", _GRADLE],
    "apt-get": ["sh", "-c", _APT],
    "java": ["sh", "-c", _JAVA],
}  # fmt: skip
NEEDED = {"pip": "python3", "urllib": "python3", "requests": "python3", "httpx": "python3", "uv": "python3",
          "cargo": "/usr/bin/cargo", "java": "javac"}  # fmt: skip
ELSEWHERE = {"docker": {"cargo", "gradle", "mvn"}, "bubblewrap": {"apt-get"}}
"""Rust's compiler or a Java would double the image; where the system is the host's own, no agent adds to it."""


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
    """Python's clients as they lie on this host, and programs that are one file."""
    found = [(name, importlib.util.find_spec(name)) for name in PURE]
    python = [
        HostTree(str(Path(spec.origin).parent), f"{PACKAGES}/{name}")
        for name, spec in found
        if spec is not None and spec.origin is not None and spec.submodule_search_locations
    ]
    programs = [Path(sys.executable).with_name("uv"), *(Path(go).resolve() for go in [shutil.which("go")] if go)]
    return python + [HostTree(str(each.parent), BIN, entries=(each.name,)) for each in programs]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Place]]:
    """One bottle for each backend, from the first client on to the last."""
    with ExitStack() as held:

        @cache
        def place(backend: str) -> Place:
            require(backend)
            return held.enter_context(running(backend, tmp_path_factory.mktemp(backend)))

        yield place


@pytest.fixture(params=["docker", "bubblewrap"])
def place(request: pytest.FixtureRequest, places: Callable[[str], Place]) -> Place:
    return places(request.param)


@contextmanager
def running(name: str, folder: Path) -> Iterator[Place]:
    in_box = name == "docker"
    backend = bottles.docker_backend("clients") if in_box else bottles.bubblewrap_backend("clients")
    world, address = TestCa("world test CA"), host_address(name)
    (served := folder / "packages").mkdir()
    (programs := folder / "programs").mkdir()
    files = Packages(served, BASE)
    java_client.install(programs, with_java=in_box)
    origin = Origin(files.answer, tls=world.issue(HOST, GITHUB), host=address)
    plan = a_plan(
        box_image() if in_box else bottles.PROGRAMS,
        env={**own_env(EGRESS), **placeholders([GITHUB]), "PYTHONPATH": PACKAGES, "PATH": PATH},
        files=own_files(EGRESS),
        directories=own_directories(),
        trees=[*packages(), HostTree(str(programs), PROGRAMS)],
        routes=routes(Endpoint(ip_address(address), origin.port)),
        resources=Resources(memory=1 << 30, pids=512),
    )
    cargo = Cargo(bottles.certificates(HOST, GITHUB), secrets={"EGRESS_TOKEN_0": TOKEN}, upstream_roots=world.pem)
    with bottles.launched(backend, plan, cargo) as bottle:
        yield Place(name, bottle, origin)
    origin.close()


def routes(endpoint: Endpoint) -> list[PlannedRoute]:
    """To the packages, and to GitHub's API with a credential."""
    slot = Slot("EGRESS_TOKEN_0", "GITHUB", GITHUB, available=True)
    plain = Route(HostPattern(HOST), connect_to=endpoint, private_ips=(ip_network(f"{endpoint.address}/32"),))
    given = evolve(plain, host=HostPattern(GITHUB), inject=Injection("authorization", "Bearer", slot.name))
    return [PlannedRoute(plain), PlannedRoute(given, slot)]


SHOWN = [(backend, client) for backend, absent in ELSEWHERE.items() for client in CLIENTS if client not in absent]


@pytest.mark.parametrize(("place", "client"), SHOWN, indirect=["place"])
def test_a_client_fetches_through_the_way_out(place: Place, client: str) -> None:
    if place.backend == "bubblewrap" or client in ("go", "java"):
        require(NEEDED.get(client, client))
    before = len(place.origin.received)
    done = place.bottle.run(CLIENTS[client], timeout=90)
    assert SAID in done.stdout.decode(), done.stderr.decode()
    assert len(place.origin.received) > before


def test_what_stands_for_a_login_is_replaced_on_the_way(place: Place) -> None:
    """gh sends nothing without a login: it finds a placeholder, and GitHub is shown the bottle's own credential."""
    if place.backend == "bubblewrap":
        require("gh")
    before = len(place.origin.received)
    place.bottle.run(["gh", "api", "user"], timeout=60)
    asked = place.origin.received[before:]
    assert [request.header("authorization") for request in asked] == [[f"Bearer {TOKEN}"]]
    assert PLACEHOLDER not in str(asked)


def test_a_client_that_asks_elsewhere_is_told_why(place: Place) -> None:
    done = place.bottle.run(["curl", "-sS", "-i", "https://elsewhere.example.net/"], timeout=30)
    assert b"elsewhere.example.net is not listed" in done.stdout + done.stderr


def test_node_is_told_to_use_the_proxy() -> None:
    """Node's own fetch and https look at no proxy's variables without it (22.21, 24.5 and later do with it)."""
    assert own_env(Authority("egress", 8888))["NODE_USE_ENV_PROXY"] == "1"
