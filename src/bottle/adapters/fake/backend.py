"""A backend in memory, as strict as a real one: same refusals, same leavings. It isolates nothing."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from attrs import define, field, frozen

from bottle.adapters.cargo import require_complete
from bottle.adapters.fake.furnishing import furnished, packed
from bottle.app.ports import Cargo, ExecResult, Heard, Progress, Running, Stopping, Survey
from bottle.domain.backends import BackendName
from bottle.domain.egress import Policy
from bottle.domain.errors import BackendError, ConflictError, NotFoundError, ProvisionError, TimeIsUpError
from bottle.domain.names import is_identity
from bottle.domain.plan import BottlePlan, Image, Wall
from bottle.domain.provider import Provider
from bottle.domain.state import Leftover

SIDECAR_IMAGE = "bot-bottle-sidecar:000000000000"
USERS = ("node", "root")
_COMMAND_NOT_FOUND = 127


@define(eq=False)
class FakeBox:
    """What is in a box: its environment and its files' contents, by path."""

    env: dict[str, str]
    files: dict[str, bytes]
    attached: list[tuple[str, ...]] = field(factory=list)
    """The command lines that were given a terminal."""
    is_full: bool = False
    """Whether what runs leaves no room for a further process."""
    last_words: dict[str, bytes] = field(factory=dict)
    """The files that are written by what runs when it is told to end."""


Agent = Callable[[FakeBox, Sequence[str]], int]
Headless = Callable[[FakeBox, Sequence[str], bytes], ExecResult]
"""An agent that gets its task on standard input."""


@frozen
class FakeEngine:
    """What several backends share, as several processes share one engine: bottles and images."""

    bottles: dict[tuple[str, str], "FakeBottle"] = field(factory=dict)
    images: set[str] = field(factory=set)


@define(eq=False)
class FakeBottle:
    """ports.Bottle. Knows a handful of programs: true, false, cat, printenv, sleep, and `sh`, which packs the files of
    the home whose paths it is given. All other programs are the agent's."""

    identity: str
    box: FakeBox
    policy: Policy
    leaves: frozenset[str]
    """The hosts that the sidecar has a certificate for: those of the policy that stands."""
    agent: Agent
    engine: FakeEngine
    owner: str
    headless: Headless | None = None
    log: bytes = b""
    left: bool = False

    def run(
        self,
        argv: Sequence[str],
        *,
        user: str = "node",
        stdin: bytes = b"",
        timeout: float = 60,
        heard: Heard | None = None,
    ) -> ExecResult:
        done = self._done(argv, user, stdin, timeout)
        if heard is None:
            return done
        for stream, content in ((1, done.stdout), (2, done.stderr)):
            if content:
                heard(stream, content)
        return ExecResult(done.status, b"", b"")

    def _done(self, argv: Sequence[str], user: str, stdin: bytes, timeout: float) -> ExecResult:
        self._require_alive()
        if user not in USERS:
            raise BackendError(f"the box has no user '{user}'")
        name, *arguments = argv
        if self.box.is_full:
            raise BackendError("the box cannot run it: no further process")
        if name == "sleep":
            return self._sleep(float(arguments[0]), timeout)
        if name == "cat":
            return self._cat(arguments, stdin)
        if name == "printenv":
            value = self.box.env.get(arguments[0])
            return ExecResult(1, b"", b"") if value is None else ExecResult(0, f"{value}\n".encode(), b"")
        if name in {"true", "false"}:
            return ExecResult(int(name == "false"), b"", b"")
        if name == "sh":
            return ExecResult(0, packed(self.box.files, arguments[3:]), b"")
        if self.headless is not None:
            return self.headless(self.box, argv, stdin)
        return ExecResult(_COMMAND_NOT_FOUND, b"", f"{name}: not found\n".encode())

    def attach(self, argv: Sequence[str]) -> int:
        self._require_alive()
        self.box.attached.append(tuple(argv))
        status = self.agent(self.box, argv)
        self._require_alive()
        return status

    def end_agent(self) -> None:
        self._require_alive()
        self.box.files.update(self.box.last_words)
        self.box.last_words, self.box.is_full = {}, False

    def leave(self) -> None:
        self._require_alive()
        self.left = True

    def reload(self, policy: Policy, leaves: Mapping[str, str] | None = None) -> None:
        self._require_alive()
        held = self.leaves | frozenset(leaves or ())
        terminated = {route.host.text for route in policy.routes if route.scheme == "https" and not route.is_tunnel}
        if not terminated <= held:
            absent = min(terminated - held)
            raise BackendError(f"the sidecar refused its configuration: leaves: there is none for {absent}")
        self.leaves = frozenset(terminated)
        self.policy = policy
        self.log += f'{{"event": "ready", "version": {policy.version}}}\n'.encode()

    def sidecar_log(self) -> bytes:
        self._require_alive()
        return self.log

    def _sleep(self, seconds: float, timeout: float) -> ExecResult:
        if seconds > timeout:
            raise TimeIsUpError(f"`sleep` did not end within {timeout:g} seconds")
        return ExecResult(0, b"", b"")

    def _cat(self, paths: Sequence[str], stdin: bytes) -> ExecResult:
        absent = [path for path in paths if path not in self.box.files]
        if absent:
            return ExecResult(1, b"", f"cat: {absent[0]}: No such file or directory\n".encode())
        return ExecResult(0, b"".join(self.box.files[path] for path in paths) if paths else stdin, b"")

    def _require_alive(self) -> None:
        if self.engine.bottles.get((self.owner, self.identity)) is not self:
            raise BackendError("the box went away")


def _done(_box: FakeBox, argv: Sequence[str]) -> int:
    """An agent that does what the programs `true` and `false` do."""
    return int(list(argv) == ["false"])


_SURVEY = Survey(usable=True, walls=(Wall("none", "a fake isolates nothing", present=False),))


@define(eq=False)
class FakeBackend:
    """ports.Backend. `agent` plays the agent; `found` is what the survey says; `fault` is raised by the next launch,
    after everything was made, as a real failure would be."""

    engine: FakeEngine = field(factory=FakeEngine)
    owner: str = "owner"
    agent: Agent = _done
    headless: Headless | None = None
    found: Survey = _SURVEY
    fault: BaseException | None = None
    launched: list[tuple[BottlePlan, Cargo]] = field(factory=list)
    while_launching: Callable[[], None] = lambda: None
    without_git: BackendError | None = None
    name: BackendName = "docker"

    def survey(self) -> Survey:
        return self.found

    def git_fault(self) -> BackendError | None:
        return self.without_git

    def images(self, provider: Provider, dockerfile: str | None = None) -> tuple[Image, Image]:
        recipe = dockerfile or f"images/{provider.image}/Dockerfile"
        return Image(f"bot-bottle-{provider.image}:000000000000", recipe), Image(
            SIDECAR_IMAGE, "images/sidecar/Dockerfile"
        )

    def extended(self, image: Image, additions: Sequence[str]) -> Image:
        return Image(f"{image.tag}+{len(additions)}", image.recipe)

    def missing(self, images: Iterable[Image]) -> Sequence[Image]:
        self._require_usable()
        return [image for image in images if image.tag not in self.engine.images]

    def build(self, image: Image, progress: Progress) -> None:
        self._require_usable()
        if image.recipe is None:
            raise ProvisionError(f"the image {image.tag} is not there")
        progress.detail(f"FROM scratch AS {image.tag}")
        self.engine.images.add(image.tag)

    def launch(
        self, plan: BottlePlan, cargo: Cargo, audit_directory: Path, progress: Progress, stopping: Stopping
    ) -> FakeBottle:
        self._require_usable()
        key = (self.owner, plan.identity)
        if any(identity == plan.identity for _, identity in self.engine.bottles):
            raise ConflictError(f"the name is taken: bot-bottle-{plan.identity}")
        for image in (plan.image, plan.sidecar_image):
            if image.tag not in self.engine.images:
                raise BackendError(f"the image {image.tag} is missing")
        require_complete(plan, cargo)
        progress.step("making a pretence of a box")
        self.while_launching()
        if stopping():
            raise BackendError("the launch was asked to end")
        bottle = FakeBottle(
            plan.identity,
            FakeBox(*furnished(plan, cargo)),
            plan.policy,
            frozenset(cargo.certificates.leaves),
            self.agent,
            self.engine,
            self.owner,
            self.headless,
        )
        self.engine.bottles[key] = bottle
        try:
            self._prove(bottle, plan, audit_directory)
        except BaseException:
            del self.engine.bottles[key]
            raise
        self.launched.append((plan, cargo))
        return bottle

    def open(self, identity: str) -> FakeBottle:
        self._require_usable()
        bottle = self.engine.bottles.get((self.owner, identity))
        if bottle is None:
            raise NotFoundError(f"no bottle '{identity}' is running")
        return bottle

    def running(self) -> Sequence[Running]:
        self._require_usable()
        return [Running(identity, alive=True, services=("egress",)) for identity in self._identities()]

    def leftovers(self) -> Sequence[Leftover]:
        self._require_usable()
        return [
            *(Leftover(name, "container", f"bot-bottle-{name}") for name in self._identities()),
            *(Leftover(name, "network", f"bot-bottle-{name}") for name in self._identities()),
        ]

    def unused(self, used: Collection[str]) -> Sequence[str]:
        self._require_usable()
        return sorted(self.engine.images - set(used))

    def discard(self, tag: str) -> None:
        self._require_usable()
        if tag not in self.engine.images:
            raise NotFoundError(f"{tag} is no image that bottle built here")
        self.engine.images.remove(tag)

    def destroy(self, identity: str) -> None:
        self._require_usable()
        if not is_identity(identity):
            raise NotFoundError(f"'{identity}' is no identity of a bottle")
        self.engine.bottles.pop((self.owner, identity), None)

    def _identities(self) -> Sequence[str]:
        return sorted(identity for owner, identity in self.engine.bottles if owner == self.owner)

    def _require_usable(self) -> None:
        if not self.found.usable:
            raise BackendError(self.found.reason or "no engine answers", hint=self.found.hint)

    def _prove(self, bottle: FakeBottle, plan: BottlePlan, audit_directory: Path) -> None:
        if not audit_directory.is_dir():
            raise BackendError(f"{audit_directory} is no directory")
        bottle.reload(plan.policy)
        for check in plan.checks:
            if bottle.run(check.argv).status != 0:
                raise ProvisionError(check.error)
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
