"""The smolmachines backend: what `ports.Backend` promises, kept with virtual machines and processes of this user's."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from bottle.adapters.bubblewrap import keeper
from bottle.adapters.bubblewrap.ground import Unfit
from bottle.adapters.bubblewrap.programs import SIDECARS
from bottle.adapters.bubblewrap.runtime import Runtimes
from bottle.adapters.bubblewrap.secret_rules import SecretRules
from bottle.adapters.smolmachines import survey
from bottle.adapters.smolmachines.archives import Archives
from bottle.adapters.smolmachines.bottle import SmolmachinesBottle
from bottle.adapters.smolmachines.smolvm import IDENTITY_LABEL, OWNER_LABEL, Machine
from bottle.adapters.smolmachines.survey import Site
from bottle.app.ports import Bottle, Cargo, Progress, Running, Stopping, Survey
from bottle.domain.errors import BackendError, BottleError, NotFoundError
from bottle.domain.manifest import BackendName
from bottle.domain.names import is_identity
from bottle.domain.plan import BottlePlan, Image
from bottle.domain.provider import Provider
from bottle.domain.state import Leftover

_OWNER_DIGITS = 16


class SmolmachinesBackend:
    """Virtual machines of the `smolvm` program, whose sidecars are processes of this host.

    `owner` sets this user's bottles apart, `environ` is read for what `survey` asks, `archives` has the images,
    `rules` are the way out's, `terminal_env` is what programs on a terminal want to know of it (TERM, COLORTERM).
    """

    name: BackendName = "smolmachines"

    def __init__(
        self,
        *,
        owner: str,
        environ: Mapping[str, str],
        archives: Archives,
        rules: SecretRules,
        terminal_env: Mapping[str, str] | None = None,
    ) -> None:
        self._owner, self._environ = owner, environ
        self._archives, self._rules = archives, rules
        self._terminal_env = terminal_env or {}

    def survey(self) -> Survey:
        found = self._site
        if isinstance(found, Unfit):
            return Survey(usable=False, reason=found.reason, hint=found.hint)
        from bottle.adapters.bubblewrap import git_gate  # `bottle list` waits for none of it

        lack = git_gate.lack()
        return Survey(
            usable=True,
            walls=survey.WALLS,
            notes=survey.notes(),
            facts={"smolvm": f"{found.smolvm.path} {found.version}"},
            shares_loopback=True,
            git_reason=lack.reason,
            git_hint=lack.hint,
        )

    def images(self, provider: Provider, dockerfile: str | None = None) -> tuple[Image, Image]:
        return self._archives.engine().images(provider, dockerfile)[0], SIDECARS

    def extended(self, image: Image, additions: Sequence[str]) -> Image:
        return self._archives.engine().extended(image, additions)

    def missing(self, images: Iterable[Image]) -> Sequence[Image]:
        return [image for image in images if self._lacks(image)]

    def build(self, image: Image, progress: Progress) -> None:
        if image == SIDECARS:
            self._rules.install(progress)
        else:
            self._archives.make(image, progress)

    def launch(
        self, plan: BottlePlan, cargo: Cargo, audit_directory: Path, progress: Progress, stopping: Stopping
    ) -> Bottle:
        site = self._usable
        for image in self.missing((plan.image, plan.sidecar_image)):
            raise BackendError(f"{image.tag} is not there", hint="`bottle start` makes what it needs")
        from bottle.adapters.smolmachines.launch import Order, launch  # `bottle list` waits for none of it

        labels = {IDENTITY_LABEL: plan.identity, OWNER_LABEL: self._owner_label}
        archive, rules = self._archives.of(plan.image), self._rules.binds()
        order = Order(
            plan, cargo, audit_directory, archive, rules, site.ground, site.smolvm, labels, progress, stopping
        )
        runtime, lifeline = launch(order, self._runtimes)
        return SmolmachinesBottle(plan.identity, site.smolvm, order.machine, runtime, self._terminal_env, lifeline)

    def open(self, identity: str) -> Bottle:
        machine = next((one for one in self._machines() if one.identity == identity and one.runs), None)
        if machine is None:
            raise NotFoundError(f"no bottle '{identity}' is running", hint="see `bottle list`")
        runtime = self._runtimes.of(identity)
        return SmolmachinesBottle(identity, self._usable.smolvm, machine.name, runtime, self._terminal_env)

    def running(self) -> Sequence[Running]:
        machines = {machine.identity for machine in self._machines() if machine.runs}
        services = {one.identity: keeper.running(one) for one in self._runtimes.all() if one.is_held()}
        return [
            Running(
                identity,
                alive=identity in machines and keeper.WAY_OUT in services.get(identity, ()),
                services=tuple(sorted(services.get(identity, ()))),
            )
            for identity in sorted(machines | services.keys())
        ]

    def leftovers(self) -> Sequence[Leftover]:
        machines = [Leftover(machine.identity, "machine", machine.name) for machine in self._machines()]
        return [
            *machines,
            *(Leftover(runtime.identity, "directory", str(runtime.path)) for runtime in self._runtimes.all()),
        ]

    def unused(self, used: Collection[str]) -> Sequence[str]:
        return self._archives.unused(used)

    def discard(self, tag: str) -> None:
        self._archives.discard(tag)

    def destroy(self, identity: str) -> None:
        if not is_identity(identity):
            raise NotFoundError(f"'{identity}' is no identity of a bottle", hint="see `bottle list`")
        failure: BottleError | None = None
        try:
            for machine in [one for one in self._machines() if one.identity == identity]:
                self._usable.smolvm.delete(machine.name)
        except BottleError as error:
            failure = error
        keeper.end(self._runtimes.of(identity))  # whatever became of the machine: it has no way out from then on
        if failure is not None:
            raise BackendError(f"would not go: {failure}", hint="`bottle cleanup` tries again") from failure

    def _lacks(self, image: Image) -> bool:
        return not self._rules.are_there() if image == SIDECARS else bool(self._archives.missing([image]))

    def _machines(self) -> Sequence[Machine]:
        """This owner's. Raises BackendError."""
        return [one for one in self._usable.smolvm.machines() if one.labels.get(OWNER_LABEL) == self._owner_label]

    @property
    def _usable(self) -> Site:
        if isinstance(self._site, Unfit):
            raise BackendError(self._site.reason, hint=self._site.hint)
        return self._site

    @cached_property
    def _site(self) -> Site | Unfit:
        return survey.survey(self._environ)

    @property
    def _owner_label(self) -> str:
        """`smolvm` keeps labels on disk and shows them to everybody who lists: it need not know a home's path."""
        return hashlib.sha256(self._owner.encode()).hexdigest()[:_OWNER_DIGITS]

    @cached_property
    def _runtimes(self) -> Runtimes:
        """Apart from those of boxes of namespaces, which are listed by what they are."""
        number = None if isinstance(self._site, Unfit) else self._site.ground.number
        return Runtimes(f"{self.name} {self._owner}", number)
