"""Plans, cargo and images for tests that launch real bottles."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from bottle.adapters import build_context
from bottle.adapters.bubblewrap.backend import BubblewrapBackend
from bottle.adapters.bubblewrap.managed import Shelf
from bottle.adapters.bubblewrap.programs import Programs
from bottle.adapters.bubblewrap.tools import Host
from bottle.adapters.certificates import LocalAuthority
from bottle.adapters.docker.backend import DockerBackend
from bottle.adapters.docker.connection import connect
from bottle.adapters.docker.networks import NetworkOptions
from bottle.adapters.fake.progress import FakeProgress
from bottle.app.ports import Backend, Bottle, BottleCertificates, Cargo
from bottle.domain.environment import HostVariables, Verbatim
from bottle.domain.hosts import Authority
from bottle.domain.manifest import Resources
from bottle.domain.plan import BottlePlan, GitIdentity, Image, PlannedEnv, PlannedRoute
from bottle.domain.provider import Provision, Report, Wish, plain_report
from bottle.domain.provision import Check, GuestDirectory, GuestFile, HostTree
from tests.support.secret_rules import shared_rules

ROOT = Path(__file__).parents[2]
BOX_RECIPE = ROOT / "tests/docker/image/Dockerfile"
MEBIBYTE = 1024**2

_counter = iter(range(10**6))


def fresh_identity(name: str = "probe") -> str:
    """An identity that no other test process uses."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    number = (os.getpid() * 1009 + next(_counter)) % 36**5
    suffix = ""
    for _ in range(5):
        number, digit = divmod(number, 36)
        suffix += digits[digit]
    return f"{name}-{suffix}"


def docker_backend(
    owner: str,
    *,
    gvisor: bool = False,
    network_options: NetworkOptions | None = None,
    cache_at: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    build_ca: Callable[[], bytes] | None = None,
) -> DockerBackend:
    """A backend on the machine's own engine; runc unless gVisor is asked for."""
    return DockerBackend(
        owner=owner,
        environ=environ,
        home=Path.home(),
        cache=cache_at,
        build_ca=build_ca or build_roots,
        use_gvisor=gvisor,
        network_options=network_options,
    )


def docker_bridge() -> str:
    """An address of this host's that containers reach."""
    client = connect(os.environ, Path.home())
    try:
        return str(client.inspect_network("bridge")["IPAM"]["Config"][0].get("Gateway", "172.17.0.1"))
    finally:
        client.close()


def bubblewrap_backend(owner: str) -> BubblewrapBackend:
    """A backend whose agent is a program of the system's, so that nothing is installed."""
    programs = Programs(Host("/usr/bin:/bin"), Shelf(Path("/nonexistent/tools")), rules=shared_rules())
    assert programs.images(_Sleep()) == PROGRAMS
    return BubblewrapBackend(owner=owner, environ=os.environ, programs=programs)


class _Sleep:
    """An agent that is on every system."""

    template = image = "sleep"
    dockerfile = None

    def provision(self, wish: Wish) -> Provision:
        raise NotImplementedError

    def report(self, output: bytes) -> Report:
        return plain_report(output)


PROGRAMS = Programs(Host("/usr/bin:/bin"), Shelf(Path("/nonexistent/tools"))).images(_Sleep())
"""What stands in for images on the bubblewrap backend."""


def build_roots() -> bytes:
    """What a build must trust on this machine: what is named, else what CI would find out."""
    named = os.environ.get("BOT_BOTTLE_BUILD_CA")
    if named:
        return Path(named).read_bytes()
    script = ROOT / ".ci/extra-roots"
    return subprocess.run([script], capture_output=True, check=True).stdout if script.exists() else b""


@contextmanager
def building() -> Iterator[None]:
    """Around what may build images: one at a time on this machine, whoever comes second finds those of the first."""
    with Path(tempfile.gettempdir(), f".bottle-test-images.{os.getuid()}").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def images_for_tests() -> tuple[Image, Image]:
    """The small box for tests and the real sidecar, built if they are missing."""
    context = build_context.custom("test-box", BOX_RECIPE)
    backend = docker_backend("tests:images")
    sidecar = backend.images(_NoProvider())[1]
    box = backend._known(context)
    with building():
        for image in backend.missing([sidecar, box]):
            backend.build(image, FakeProgress())
    return box, sidecar


class _NoProvider:
    """Asks for an image that is certainly there; only the sidecar's is wanted."""

    template = "none"
    image = build_context.SIDECAR
    dockerfile = None

    def provision(self, wish: Wish) -> Provision:
        raise NotImplementedError

    def report(self, output: bytes) -> Report:
        return plain_report(output)


def a_plan(
    images: tuple[Image, Image],
    *,
    identity: str | None = None,
    env: Mapping[str, str] | None = None,
    host_env: Iterable[str] = (),
    directories: Iterable[GuestDirectory] = (),
    files: Iterable[GuestFile] = (),
    trees: Iterable[HostTree] = (),
    checks: Iterable[Check] = (),
    routes: Iterable[PlannedRoute] = (),
    resources: Resources | None = None,
) -> BottlePlan:
    """A plan with nothing in it but what is said here."""
    open_entries = [PlannedEnv(name, "manifest", Verbatim(value)) for name, value in (env or {}).items()]
    closed_entries = [PlannedEnv(name, "host", HostVariables("${X}", ("X",))) for name in host_env]
    return BottlePlan(
        identity=identity or fresh_identity(),
        agent="probe",
        bottle="probe",
        chain=("probe",),
        provider="claude",
        backend="docker",
        walls=(),
        resources=resources or Resources(memory=512 * MEBIBYTE, pids=256),
        image=images[0],
        sidecar_image=images[1],
        argv=("true",),
        workdir="/home/node",
        env=(*open_entries, *closed_entries),
        directories=tuple(directories),
        files=tuple(files),
        trees=tuple(trees),
        checks=tuple(checks),
        routes=tuple(routes),
        git_identity=GitIdentity(),
        remotes={},
        skills=(),
        supervise=False,
        proxy=Authority("egress", 8888),
    )


@cache
def certificates(*hosts: str) -> BottleCertificates:
    """One authority with leaves for the hosts that tests name."""
    return LocalAuthority().issue("probe-00000", hosts or ("example.com", "api.example.com"), datetime.now(UTC))


def a_cargo(*, env: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None) -> Cargo:
    return Cargo(certificates(), env=env or {}, secrets=secrets or {})


def never() -> bool:
    """Nobody asks the launch to end."""
    return False


@contextmanager
def audit_directory() -> Iterator[Path]:
    """A directory that the sidecar's user can write into, as the state store makes it."""
    parent = Path(tempfile.mkdtemp(prefix="bottle-audit-"))
    inner = parent / "audit"
    inner.mkdir()
    inner.chmod(0o777)
    try:
        yield inner
    finally:
        shutil.rmtree(parent, ignore_errors=True)


@contextmanager
def launched(backend: Backend, plan: BottlePlan, cargo: Cargo | None = None) -> Iterator[Bottle]:
    """A bottle that is gone afterwards."""
    with audit_directory() as audit:
        try:
            yield backend.launch(plan, cargo or a_cargo(), audit, FakeProgress(), never)
        finally:
            backend.destroy(plan.identity)
