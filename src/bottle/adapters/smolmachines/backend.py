"""The smolmachines backend: what `ports.Backend` promises, kept with virtual machines of this user's."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

from bottle.adapters.bubblewrap import ground, keeper
from bottle.adapters.bubblewrap.ground import Unfit
from bottle.adapters.bubblewrap.secret_rules import SecretRules
from bottle.adapters.smolmachines import survey
from bottle.adapters.smolmachines.archives import Archives, is_on_the_way
from bottle.adapters.smolmachines.bottle import SmolmachinesBottle
from bottle.adapters.smolmachines.places import Look, places
from bottle.adapters.smolmachines.smolvm import IDENTITY_LABEL, OWNER_LABEL, Machine
from bottle.adapters.smolmachines.survey import Site
from bottle.app.ports import Bottle, Cargo, Progress, Running, Stopping, Survey
from bottle.domain.backends import BackendName
from bottle.domain.errors import BackendError, BottleError, NotFoundError
from bottle.domain.names import is_identity
from bottle.domain.plan import BottlePlan, Image
from bottle.domain.provider import Provider
from bottle.domain.state import Leftover

_OWNER_DIGITS = 16


class SmolmachinesBackend:
    """Virtual machines of the `smolvm` program, whose sidecars are processes of this host or in containers.

    `owner` sets this user's bottles apart, `environ` is read for what `survey` asks, `archives` has the images,
    `rules` are the way out's, `terminal_env` is what programs on a terminal want to know of it (TERM, COLORTERM),
    `look` finds out whether this host's processes can be sidecars.
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
        look: Look = ground.survey,
    ) -> None:
        self._owner, self._environ = owner, environ
        self._archives, self._rules = archives, rules
        self._terminal_env, self._look = terminal_env or {}, look

    def survey(self) -> Survey:
        found = self._site
        if isinstance(found, Unfit):
            return Survey(usable=False, reason=found.reason, hint=found.hint)
        return Survey(
            usable=True,
            walls=survey.WALLS,
            notes=survey.notes(),
            facts={"smolvm": f"{found.smolvm.path} {found.version}", "sidecars": found.beside.name},
            shares_loopback=found.beside.shares_loopback,
        )

    def git_fault(self) -> BackendError | None:
        return self._usable.beside.git_fault()

    def images(self, provider: Provider, dockerfile: str | None = None) -> tuple[Image, Image]:
        box, sidecar = self._archives.engine().images(provider, dockerfile)
        return box, self._usable.beside.image(sidecar)

    def extended(self, image: Image, additions: Sequence[str]) -> Image:
        return self._archives.engine().extended(image, additions)

    def missing(self, images: Iterable[Image]) -> Sequence[Image]:
        return [image for image in images if self._lacks(image)]

    def build(self, image: Image, progress: Progress) -> None:
        beside = self._usable.beside
        if beside.owns(image):
            beside.build(image, progress)
        else:
            self._archives.make(image, progress, self._apart)

    def launch(
        self, plan: BottlePlan, cargo: Cargo, audit_directory: Path, progress: Progress, stopping: Stopping
    ) -> Bottle:
        site = self._usable
        for image in self.missing((plan.image, plan.sidecar_image)):
            raise BackendError(f"{image.tag} is not there", hint="`bottle start` makes what it needs")
        from bottle.adapters.smolmachines.launch import Order, launch  # `bottle list` waits for none of it

        labels = {IDENTITY_LABEL: plan.identity, OWNER_LABEL: self._owner_label}
        archive, beside = self._archives.of(plan.image), site.beside
        order = Order(plan, cargo, audit_directory, archive, beside, site.smolvm, labels, progress, stopping)
        lifeline = launch(order)
        return SmolmachinesBottle(plan.identity, site.smolvm, order.machine, beside, self._terminal_env, lifeline)

    def open(self, identity: str) -> Bottle:
        machine = next((one for one in self._machines() if one.identity == identity and one.runs), None)
        if machine is None:
            raise NotFoundError(f"no bottle '{identity}' is running", hint="see `bottle list`")
        site = self._usable
        beside = next((place for place in site.places if identity in place.services()), site.beside)
        return SmolmachinesBottle(identity, site.smolvm, machine.name, beside, self._terminal_env)

    def running(self) -> Sequence[Running]:
        machines = {machine.identity for machine in self._machines() if machine.runs}
        services = {name: found for place in self._usable.places for name, found in place.services().items()}
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
        others = [left for place in self._usable.places for left in place.leftovers()]
        if self._archives.are_made():
            others = [left for left in others if not is_on_the_way(left)]
        return [*machines, *others]

    def unused(self, used: Collection[str]) -> Sequence[str]:
        return self._archives.unused(used)

    def discard(self, tag: str) -> None:
        self._archives.discard(tag)

    def destroy(self, identity: str) -> None:
        if not is_identity(identity):
            raise NotFoundError(f"'{identity}' is no identity of a bottle", hint="see `bottle list`")
        # Whatever becomes of the machine: it has no way out once its sidecars are gone.
        steps = [partial(self._delete_machines, identity)]
        steps += [partial(place.remove, identity) for place in self._usable.places]
        failures = []
        for step in steps:
            try:
                step()
            except BottleError as error:
                failures.append(error)
        if failures:
            reasons = "; ".join(map(str, failures))
            raise BackendError(f"would not go: {reasons}", hint="`bottle cleanup` tries again") from failures[0]

    def _delete_machines(self, identity: str) -> None:
        for machine in [one for one in self._machines() if one.identity == identity]:
            self._usable.smolvm.delete(machine.name)

    def _lacks(self, image: Image) -> bool:
        beside = self._usable.beside
        return beside.lacks(image) if beside.owns(image) else bool(self._archives.missing([image]))

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
        return survey.survey(
            self._environ, lambda: places(self._apart, self._environ, self._archives, self._rules, self._look)
        )

    @property
    def _apart(self) -> str:
        """The owner of what serves machines: other backends list theirs by what it is."""
        return f"{self.name} {self._owner}"

    @property
    def _owner_label(self) -> str:
        """`smolvm` keeps labels on disk and shows them to everybody who lists: it need not know a home's path."""
        return hashlib.sha256(self._owner.encode()).hexdigest()[:_OWNER_DIGITS]
