"""The docker backend: what `ports.Backend` promises, kept with containers."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from bottle.adapters import build_context
from bottle.adapters.build_context import BuildContext
from bottle.adapters.docker import images, inventory, saving, survey
from bottle.adapters.docker.beside import Beside
from bottle.adapters.docker.bottle import DockerBottle
from bottle.adapters.docker.connection import connect
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.furnish import Bundles
from bottle.adapters.docker.launch import Launch, Site
from bottle.adapters.docker.names import BUILDER_LABEL, Owned
from bottle.adapters.docker.networks import NetworkOptions
from bottle.adapters.docker.saving import Saved
from bottle.app.ports import Bottle, Cargo, Progress, Running, Stopping, Survey
from bottle.domain.backends import BackendName
from bottle.domain.errors import BottleError, NotFoundError, ProvisionError
from bottle.domain.names import is_identity
from bottle.domain.plan import BottlePlan, Image
from bottle.domain.provider import Provider
from bottle.domain.state import Leftover


class DockerBackend:
    """Any engine that speaks Docker's API.

    `owner` sets this user's bottles apart from others' on the same engine. `environ` is read for DOCKER_* and
    XDG_RUNTIME_DIR alone. `cache` keeps what is read out of images. `image` replaces the agent's image
    (BOT_BOTTLE_IMAGE), what `build_ca` reads (PEM) is trusted while images are built
    (BOT_BOTTLE_BUILD_CA); it may raise BottleError.
    `terminal_env` is what programs on a terminal want to know of it (TERM, COLORTERM). `network_options` and
    `use_gvisor` weaken the walls: tests show with them that the probe refuses.
    """

    name: BackendName = "docker"

    def __init__(
        self,
        *,
        owner: str,
        environ: Mapping[str, str],
        home: Path,
        cache: Path | None = None,
        image: str | None = None,
        build_ca: Callable[[], bytes] = bytes,
        terminal_env: Mapping[str, str] | None = None,
        network_options: NetworkOptions | None = None,
        use_gvisor: bool = True,
    ) -> None:
        self._owner, self._environ, self._home = owner, environ, home
        self._bundles = Bundles(cache)
        self._image, self._build_ca = image, build_ca
        self._terminal_env = terminal_env or {}
        self._network_options = network_options or NetworkOptions()
        self._use_gvisor = use_gvisor
        self._contexts: dict[str, BuildContext] = {}

    def survey(self) -> Survey:
        try:
            info, version = self._info, self._engine.client.api_version
        except BottleError as error:
            return Survey(usable=False, reason=str(error), hint=error.hint)
        host = survey.host(info, use_gvisor=self._use_gvisor)
        return Survey(
            usable=True,
            walls=survey.walls(info, host),
            notes=tuple(survey.notes(info)),
            facts=survey.facts(info, version, self._engine.client.base_url),
        )

    def git_fault(self) -> None:
        """All that the gate needs is in the sidecar's image."""

    def images(self, provider: Provider, dockerfile: str | None = None) -> tuple[Image, Image]:
        sidecar = self._known(build_context.own(build_context.SIDECAR))
        if self._image:
            return Image(self._image), sidecar
        recipe = dockerfile or provider.dockerfile
        if recipe is not None:
            return self._known(build_context.custom(provider.template, Path(recipe).expanduser())), sidecar
        return self._known(build_context.own(provider.image)), sidecar

    def extended(self, image: Image, additions: Sequence[str]) -> Image:
        return self._known(build_context.extended(image, additions))

    def missing(self, images: Iterable[Image]) -> Sequence[Image]:
        return [image for image in images if self._engine.image_id(image.tag) is None]

    def build(self, image: Image, progress: Progress) -> None:
        context = self._contexts.get(image.tag)
        if context is None:
            raise ProvisionError(f"the image {image.tag} is not there", hint=f"`docker pull {image.tag}`, or build it")
        if context.base is not None and self._engine.image_id(context.base.tag) is None:
            self.build(context.base, progress)
        images.build(self._engine, context, self._build_ca(), {BUILDER_LABEL: self._owner}, progress)

    def launch(
        self, plan: BottlePlan, cargo: Cargo, audit_directory: Path, progress: Progress, stopping: Stopping
    ) -> Bottle:
        made = Launch(self._site(), plan, cargo, audit_directory, progress, stopping).run()
        return DockerBottle(plan.identity, self._engine, made.box, made.sidecar, self._terminal_env)

    def open(self, identity: str) -> Bottle:
        box, sidecar = inventory.find(self._engine, Owned(self._owner, identity))
        if box is None or sidecar is None or not box.running:
            raise NotFoundError(f"no bottle '{identity}' is running", hint="see `bottle list`")
        return DockerBottle(identity, self._engine, box.id, sidecar.id, self._terminal_env)

    def running(self) -> Sequence[Running]:
        return inventory.running(self._engine, self._owner)

    def leftovers(self) -> Sequence[Leftover]:
        return inventory.leftovers(self._engine, self._owner)

    def unused(self, used: Collection[str]) -> Sequence[str]:
        built = self._engine.image_tags({"label": [f"{BUILDER_LABEL}={self._owner}"]})
        return [tag for tag in built if tag.startswith(build_context.PREFIX) and tag not in used]

    def discard(self, tag: str) -> None:
        if tag not in self.unused(()):
            raise NotFoundError(f"{tag} is no image that bottle built here")
        self._engine.remove_tag(tag)

    def image_id(self, tag: str) -> str | None:
        """What the engine has under this name; None for nothing. Raises BackendError."""
        return self._engine.image_id(tag)

    def saved(self, image: Image, changes: Sequence[str], owner: str) -> AbstractContextManager[Saved]:
        """The image with these changes as a file's content, for a backend that makes machines of it. What a killed
        process leaves of that, `beside` lists and removes."""
        return saving.saved(self._engine, self._bundles, image.tag, changes, owner)

    def beside(self, owner: str) -> Beside:
        """Containers with the sidecars of boxes that stand elsewhere, of this owner's. Raises BackendError where there
        is no engine, or one on another machine."""
        return Beside.on(self._engine, owner)

    def destroy(self, identity: str) -> None:
        if not is_identity(identity):
            raise NotFoundError(f"'{identity}' is no identity of a bottle", hint="see `bottle list`")
        inventory.remove(self._engine, Owned(self._owner, identity))

    @cached_property
    def _engine(self) -> Engine:
        return Engine(connect(self._environ, self._home))

    @cached_property
    def _info(self) -> Mapping[str, object]:
        return self._engine.info()

    def _known(self, context: BuildContext) -> Image:
        """The context's image; `build` finds the context again by its tag."""
        self._contexts[context.image.tag] = context
        return context.image

    def _site(self) -> Site:
        host = survey.host(self._info, use_gvisor=self._use_gvisor)
        return Site(self._engine, self._owner, host, self._bundles, self._network_options)
