"""What goes into the box before it starts: the plan's furniture and the roots that the box trusts, in one tar."""

from collections.abc import Iterator
from pathlib import Path

import certifi

from bottle.adapters import disk
from bottle.adapters.archive import Furniture, pack
from bottle.adapters.docker.engine import Engine
from bottle.adapters.trusted import trusted
from bottle.app.ports import Progress
from bottle.domain.plan import BottlePlan
from bottle.domain.provision import CA_BUNDLE


class Bundles:
    """The public roots of each image, read out of it once: by image id, which names its content."""

    def __init__(self, cache: Path | None) -> None:
        self._cache = cache
        self._known: dict[str, bytes] = {}

    def of(self, engine: Engine, image: str, container: str) -> bytes:
        """The image's own bundle; `container` is a fresh one of that image."""
        if image not in self._known:
            self._known[image] = self._kept(image) or self._read(engine, image, container)
        return self._known[image]

    def _kept(self, image: str) -> bytes:
        try:
            return self._path(image).read_bytes() if self._cache is not None else b""
        except OSError:
            return b""

    def _read(self, engine: Engine, image: str, container: str) -> bytes:
        bundle = engine.file(container, CA_BUNDLE)
        if not bundle:
            return Path(certifi.where()).read_bytes()
        if self._cache is not None:
            try:
                self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
                disk.write_whole(self._path(image), bundle)
            except OSError:
                pass  # then it is read again next time
        return bundle

    def _path(self, image: str) -> Path:
        assert self._cache is not None  # noqa: S101
        return self._cache / f"{image.replace(':', '-')}.pem"


def archive(plan: BottlePlan, authority: str, bundle: bytes, progress: Progress) -> Iterator[bytes]:
    """The tar of everything. The bottle's authority joins the image's roots here."""
    files = (*plan.files, *trusted(authority, bundle))
    return pack(Furniture(plan.directories, plan.trees, files, plan.archives), progress.detail)
