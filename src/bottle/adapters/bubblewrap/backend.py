"""The bubblewrap backend: what `ports.Backend` promises, kept with namespaces and processes of this user's."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from bottle.adapters.bubblewrap import ground, keeper, needs
from bottle.adapters.bubblewrap.ground import Ground, Unfit
from bottle.adapters.bubblewrap.programs import Programs
from bottle.adapters.bubblewrap.runtime import Runtimes
from bottle.app.ports import Bottle, Cargo, Progress, Running, Stopping, Survey
from bottle.domain.backends import BackendName
from bottle.domain.errors import BackendError, NotFoundError, UsageError
from bottle.domain.names import is_identity
from bottle.domain.plan import BottlePlan, Image
from bottle.domain.provider import Provider
from bottle.domain.state import Leftover


class BubblewrapBackend:
    """Linux with user namespaces; no engine, daemon, root or image.

    `owner` sets this user's bottles apart, `environ` is read for what `ground.survey` asks, `programs` knows the
    agents' programs, `terminal_env` is what programs on a terminal want to know of it (TERM, COLORTERM).
    """

    name: BackendName = "bubblewrap"

    def __init__(
        self,
        *,
        owner: str,
        environ: Mapping[str, str],
        programs: Programs,
        terminal_env: Mapping[str, str] | None = None,
    ) -> None:
        self._owner, self._environ, self._programs = owner, environ, programs
        self._terminal_env = terminal_env or {}

    def survey(self) -> Survey:
        found = self._ground
        if isinstance(found, Unfit):
            return Survey(usable=False, reason=found.reason, hint=found.hint)
        limits = "control groups" if found.control_groups else "without control groups"
        facts = {"bwrap": f"{found.bwrap} {found.version}", "limits": limits}
        return Survey(
            usable=True,
            walls=ground.walls(found),
            notes=tuple(needs.notes()),
            facts=facts,
            shares_loopback=True,
        )

    def git_fault(self) -> BackendError | None:
        from bottle.adapters.bubblewrap import git_gate  # bottles without git wait for none of it

        return git_gate.fault()

    def images(self, provider: Provider, dockerfile: str | None = None) -> tuple[Image, Image]:
        return self._programs.images(provider, dockerfile)

    def extended(self, image: Image, additions: Sequence[str]) -> Image:  # noqa: ARG002
        raise UsageError(
            "the bubblewrap backend builds no images",
            hint="what you install on this host below /usr its boxes see at once: then approve with `--by-hand`",
        )

    def missing(self, images: Iterable[Image]) -> Sequence[Image]:
        return self._programs.missing(images)

    def build(self, image: Image, progress: Progress) -> None:
        self._programs.build(image, progress)

    def launch(
        self, plan: BottlePlan, cargo: Cargo, audit_directory: Path, progress: Progress, stopping: Stopping
    ) -> Bottle:
        found = self._ground
        if isinstance(found, Unfit):
            raise BackendError(found.reason, hint=found.hint)
        for image in self._programs.missing((plan.image, plan.sidecar_image)):
            raise BackendError(f"{image.tag} is not there", hint="`bottle start` installs what it needs")
        tool, rules = self._programs.tool(plan.image), self._programs.rules.binds()
        progress.step("making namespaces and processes")
        groups = found.control_groups
        lifeline = keeper.Lifeline(groups.around(plan.resources) if groups else ())
        # While the keeper comes up; whoever asks for a plan or a list waits for none of it.
        from bottle.adapters.bubblewrap.bottle import BubblewrapBottle
        from bottle.adapters.bubblewrap.launch import Order, launch

        order = Order(plan, cargo, audit_directory, tool, rules, found, progress, stopping)
        runtime = launch(order, self._runtimes, lifeline)
        return BubblewrapBottle(plan.identity, runtime, self._terminal_env, lifeline)

    def open(self, identity: str) -> Bottle:
        runtime = self._runtimes.of(identity)
        if not is_identity(identity) or not runtime.is_held() or keeper.BOX not in keeper.running(runtime):
            raise NotFoundError(f"no bottle '{identity}' is running", hint="see `bottle list`")
        from bottle.adapters.bubblewrap.bottle import BubblewrapBottle

        return BubblewrapBottle(identity, runtime, self._terminal_env)

    def running(self) -> Sequence[Running]:
        found = ((runtime.identity, keeper.running(runtime)) for runtime in self._runtimes.all() if runtime.is_held())
        return [
            Running(
                identity,
                alive={keeper.BOX, keeper.WAY_OUT} <= programs,
                services=tuple(sorted(programs - {keeper.BOX})),
            )
            for identity, programs in found
        ]

    def leftovers(self) -> Sequence[Leftover]:
        return [Leftover(runtime.identity, "directory", str(runtime.path)) for runtime in self._runtimes.all()]

    def unused(self, used: Collection[str]) -> Sequence[str]:  # noqa: ARG002
        """None: programs are the host's own, or installed once for all bottles."""
        return []

    def discard(self, tag: str) -> None:
        raise NotFoundError(f"{tag} is no image that bottle built here")

    def destroy(self, identity: str) -> None:
        if not is_identity(identity):
            raise NotFoundError(f"'{identity}' is no identity of a bottle", hint="see `bottle list`")
        keeper.end(self._runtimes.of(identity))

    @cached_property
    def _ground(self) -> Ground | Unfit:
        return ground.survey(self._environ)

    @cached_property
    def _runtimes(self) -> Runtimes:
        found = self._ground
        return Runtimes(self._owner, None if isinstance(found, Unfit) else found.number)
