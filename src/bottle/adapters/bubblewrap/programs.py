"""What stands in for images on a backend that has none: the host's own agent program, else one that bottle installs."""

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

import bottle
from bottle.adapters.bubblewrap import managed, pins
from bottle.adapters.bubblewrap.line import Line
from bottle.adapters.bubblewrap.managed import Shelf
from bottle.adapters.bubblewrap.pins import Machine, Release
from bottle.adapters.bubblewrap.secret_rules import SecretRules
from bottle.adapters.bubblewrap.tools import Host, Tool, Unusable, find
from bottle.app.ports import Progress
from bottle.domain.errors import ManifestError, ProvisionError, UsageError
from bottle.domain.plan import Image
from bottle.domain.provider import Provider

SIDECARS = Image(f"bottle's own programs {bottle.__version__}")
"""What stands in for the sidecar's image: bottle itself, and the secret rules that it compiles once."""


@frozen
class _Choice:
    """A program as it was decided: either at hand, or a release to be installed, or neither."""

    image: Image
    tool: Tool | None = None
    release: Release | None = None
    fault: ProvisionError | None = None


class Programs:
    """`images`, `missing` and `build` of ports.Backend, and the tool that an image stands for.

    The host's own program comes first: it is the one that the operator keeps and trusts. Where there is none that can
    run in a box, bottle's own release does. An Image's tag tells which, for the preflight shows it.
    """

    def __init__(
        self,
        host: Host,
        shelf: Shelf,
        *,
        image: str | None = None,
        machine: Machine | None = None,
        rules: SecretRules | None = None,
    ) -> None:
        self._host, self._shelf, self._image = host, shelf, image
        self.rules = rules or SecretRules(shelf.folder / "secret-rules")
        self._machine = machine or Machine.of(platform.machine())
        self._choices: dict[str, _Choice] = {}

    def images(self, provider: Provider, dockerfile: str | None = None) -> tuple[Image, Image]:
        """Raises ManifestError for a Dockerfile and UsageError for an image: nothing is built here."""
        self._refuse_images(dockerfile)
        choice = self._choose(provider.template)
        self._choices[choice.image.tag] = choice
        return choice.image, SIDECARS

    def missing(self, images: Iterable[Image]) -> Sequence[Image]:
        return [image for image in images if self._lacks(image)]

    def build(self, image: Image, progress: Progress) -> None:
        """Installs what the image stands for. Raises ProvisionError, and leaves nothing half made."""
        if image == SIDECARS:
            self.rules.install(progress)
            return
        choice = self._choices.get(image.tag)
        if choice is None or (choice.tool is None and choice.release is None):
            raise (choice.fault if choice and choice.fault else ProvisionError(f"{image.tag} is not there"))
        if choice.release is not None:
            managed.install(choice.release, self._shelf, progress)

    def tool(self, image: Image) -> Tool:
        """What the box must be given for the program. Raises ProvisionError while it is missing."""
        choice = self._choices.get(image.tag)
        if choice is not None and choice.tool is not None:
            return choice.tool
        if choice is not None and choice.release is not None and self._shelf.has(choice.release):
            return self._shelf.tool(choice.release)
        raise ProvisionError(f"{image.tag} is not there", hint="start the bottle again")

    def _refuse_images(self, dockerfile: str | None) -> None:
        if dockerfile is not None:
            raise ManifestError(
                f"agent_provider.dockerfile: the bubblewrap backend builds no images, so {dockerfile} has no use",
                hint="choose `backend: docker`, or leave the dockerfile out",
            )
        if self._image:
            raise UsageError(
                f"BOT_BOTTLE_IMAGE: the bubblewrap backend runs no images, so {self._image} has no use",
                hint="choose `--backend docker`, or unset the variable",
            )

    def _choose(self, program: str) -> _Choice:
        tool, refused = find(program, self._host)
        if tool is not None:
            return _Choice(Image(_words(program, tool.version, tool.origin, refused)), tool=tool)
        try:
            release = pins.release(program, self._machine)
        except ProvisionError as error:
            return _Choice(Image(_words(program, "", "not found", refused)), fault=_told(error, refused))
        tag = _words(program, release.version, "bottle's own", refused)
        return _Choice(Image(tag, recipe=f"{self._shelf.registry}/{release.path}"), release=release)

    def _lacks(self, image: Image) -> bool:
        return not self.rules.are_there() if image == SIDECARS else self._is_missing(self._choices.get(image.tag))

    def _is_missing(self, choice: _Choice | None) -> bool:
        if choice is None:
            return True
        return choice.tool is None and (choice.release is None or not self._shelf.has(choice.release))


def programs_of(
    environ: Mapping[str, str],
    user_home: Path,
    bottle_home: Path,
    *,
    image: str | None = None,
    build_ca: Callable[[], bytes] = bytes,
) -> Programs:
    """As the host is set up: its PATH, its npm registry, its proxy."""
    shelf = Shelf(bottle_home / "tools", managed.registry_of(environ, user_home), Line(environ, build_ca))
    return Programs(Host(environ.get("PATH", "")), shelf, image=image)


def _words(program: str, version: str, origin: str, refused: tuple[Unusable, ...]) -> str:
    """`claude 2.1.329 (bottle's own; ~/.volta/bin/claude is a shim ...)`"""
    passed_over = "".join(f"; {each.path} {each.reason}" for each in refused[:1])
    return f"{program} {version or 'of unknown version'} ({origin}{passed_over})"


def _told(error: ProvisionError, refused: tuple[Unusable, ...]) -> ProvisionError:
    if not refused:
        return error
    reasons = "; ".join(f"{each.path} {each.reason}" for each in refused)
    return ProvisionError(f"{error}, and the host's own cannot be used: {reasons}", hint=error.hint)
