"""The images that machines are made from, as files: `smolvm` reads them by itself, and no registry is asked.

An engine builds the image and saves it, once for each image; a start needs no engine. Root is the user of what is
saved: `smolvm` runs commands as the image's user, and a machine has to be furnished before the agent, who never is
root, gets it.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import frozen

from bottle.adapters import build_context, disk
from bottle.adapters.bubblewrap.managed import alone, is_taken, staging, sweep
from bottle.app.ports import Progress
from bottle.domain.errors import BackendError, NotFoundError, ProvisionError
from bottle.domain.plan import Image
from bottle.domain.state import Leftover

if TYPE_CHECKING:  # the engine's library is imported when an image is made
    from bottle.adapters.docker.backend import DockerBackend

IMAGE: Final = "image.tar"
ROOTS: Final = "roots.pem"
_CHANGES: Final = ("USER root", "WORKDIR /", "ENTRYPOINT []", 'CMD ["sleep", "infinity"]')
_TELLING: Final = 64 * 1024**2
_MEBIBYTE: Final = 1024**2


@frozen
class Archive:
    """One image at hand: what a machine is made from, and the authorities that the image trusts (PEM)."""

    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / IMAGE

    def roots(self) -> bytes:
        return (self.folder / ROOTS).read_bytes()


@frozen
class Archives:
    """All of them, below one folder. `engine` is asked when an image is made."""

    folder: Path
    engine: Callable[[], "DockerBackend"]

    def missing(self, images: Iterable[Image]) -> Sequence[Image]:
        return [image for image in images if not self._place(image).is_dir()]

    def of(self, image: Image) -> Archive:
        """Raises BackendError while it is missing."""
        place = self._place(image)
        if not place.is_dir():
            raise BackendError(f"{image.tag} is not there", hint="`bottle start` makes what it needs")
        return Archive(place)

    def make(self, image: Image, progress: Progress, owner: str) -> None:
        """Builds and saves the image; nothing happens when it is there. Two at once make one. What the engine has of it
        meanwhile is the owner's.

        Raises ProvisionError, BackendError, and leaves nothing half made behind.
        """
        docker = self.engine()
        if docker.missing([image]):
            docker.build(image, progress)
        try:
            with alone(self.folder, progress) as folder:
                if self.missing([image]):
                    sweep(folder)
                    with staging(folder) as new:
                        _save(docker, image, new / "whole", progress, owner)
                        (new / "whole").rename(self._place(image))
                        disk.sync_directory(folder)
        except OSError as error:
            reason = f"{error.strerror or error}: {error.filename or self.folder}"
            raise ProvisionError(
                f"{image.tag} cannot be kept: {reason}", hint=f"it needs about a gigabyte below {self.folder}"
            ) from error

    def are_made(self) -> bool:
        """Whether some process makes one now."""
        return is_taken(self.folder)

    def unused(self, used: Iterable[str]) -> Sequence[str]:
        """The tags of those that are kept for none of these."""
        wanted = {_name(tag) for tag in used}
        kept = [path.name for path in self.folder.glob("*@*") if path.is_dir()]
        return sorted(name.replace("@", ":") for name in kept if name not in wanted)

    def discard(self, tag: str) -> None:
        """Raises NotFoundError."""
        if tag not in self.unused(()):
            raise NotFoundError(f"{tag} is no image that bottle keeps for machines")
        disk.remove_tree(self.folder / _name(tag))

    def _place(self, image: Image) -> Path:
        """An image that is taken as it is may be another tomorrow: what the engine has now tells them apart."""
        if image.tag.startswith(build_context.PREFIX):
            return self.folder / _name(image.tag)
        return self.folder / _name(f"as-it-is:{self.engine().image_id(image.tag)}")


def is_on_the_way(left: Leftover) -> bool:
    """Whether it is of an image that is being made, where one is."""
    from bottle.adapters.docker import saving  # who has no engine has none of it

    return saving.is_ours(left.identity)


def _name(tag: str) -> str:
    return tag.replace(":", "@").replace("/", "_")


def _save(docker: "DockerBackend", image: Image, folder: Path, progress: Progress, owner: str) -> None:
    """Raises BackendError, OSError."""
    folder.mkdir()
    progress.detail(f"saving {image.tag}")
    written = told = 0
    with docker.saved(image, _CHANGES, owner) as saved:
        (folder / ROOTS).write_bytes(saved.roots)
        with (folder / IMAGE).open("wb") as file:
            for chunk in saved.chunks:
                written += file.write(chunk)
                if written - told >= _TELLING:
                    told = written
                    progress.detail(f"saved {written // _MEBIBYTE} MiB")
            file.flush()
            os.fsync(file.fileno())
