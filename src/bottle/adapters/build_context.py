"""What an image is built from, and the tag that says so: the same content, the same tag."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

import bottle
from bottle.adapters.archive import file_member
from bottle.domain.errors import ManifestError, NotFoundError
from bottle.domain.fragments import recipe
from bottle.domain.plan import Image
from bottle.domain.provision import ROOT, GuestFile

DOCKERFILE = "Dockerfile"
SIDECAR = "sidecar"
PREFIX = "bot-bottle-"
"""With which the name of every image that is built here begins."""
_DIGEST_LENGTH = 12
_VERSION = re.compile(r"^ARG [A-Z0-9_]+_VERSION=(\S+)$", re.MULTILINE)
_PACKAGE = Path(bottle.__file__).parent


@frozen
class BuildContext:
    """Files by their path in the context, and which of them is the recipe.

    What is built on top of another image (`base`) has no files, but lines that are added to it."""

    image: Image
    files: Mapping[str, Path]
    dockerfile: str = DOCKERFILE
    base: Image | None = None
    additions: Sequence[str] = ()

    def archive(self, *, has_roots: bool = False) -> Iterator[bytes]:
        """The context as a tar, one file in memory at a time; `has_roots` as in `recipe`."""
        if self.base is not None:
            text = recipe(self.base.tag, self.additions, has_roots=has_roots)
            yield from file_member(GuestFile(self.dockerfile, text.encode(), mode=0o644, owner=ROOT))
        for path, source in self.files.items():
            yield from file_member(GuestFile(path, source.read_bytes(), mode=_mode(source), owner=ROOT))
        yield bytes(1024)


def own(name: str) -> BuildContext:
    """The context of one of bottle's own images (`images/<name>`). Raises NotFoundError."""
    root = sources()
    folder = root / "images" / name
    if not (folder / DOCKERFILE).is_file():
        raise NotFoundError(f"there is no image called '{name}'", hint=f"looked in {root / 'images'}")
    files = _below(folder, "")
    if name == SIDECAR:
        files |= {"bottle/__init__.py": _PACKAGE / "__init__.py"}
        files |= _below(_PACKAGE / "domain", "bottle/domain/")
        files |= _below(root / "sidecars", "sidecars/")
    return _context(name, str(folder / DOCKERFILE), files)


def custom(template: str, dockerfile: Path) -> BuildContext:
    """The context of a Dockerfile that a manifest names: its directory, less what a .dockerignore leaves out.

    Raises ManifestError when it cannot be read.
    """
    from docker.utils.build import exclude_paths  # who builds nothing need not wait for it

    folder = dockerfile.parent
    try:
        dockerfile.read_bytes()
        ignore = folder / ".dockerignore"
        patterns = ignore.read_text().splitlines() if ignore.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{dockerfile}: cannot be read: {error}", hint="see agent_provider.dockerfile") from error
    wanted = [line.strip() for line in patterns if line.strip() and not line.startswith("#")]
    paths = sorted(exclude_paths(str(folder), wanted, dockerfile=dockerfile.name))
    files = {path: folder / path for path in paths if (folder / path).is_file()}
    return _context(template, str(dockerfile), files, dockerfile.name)


def extended(base: Image, additions: Sequence[str]) -> BuildContext:
    """What puts lines of a Dockerfile on top of an image. Its context is empty: there is nothing to copy from."""
    text = recipe(base.tag, additions)
    name = re.split("[:@]", base.tag.rpartition("/")[2])[0].removeprefix(PREFIX)
    tag = f"{PREFIX}{name}:{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]}"
    return BuildContext(Image(tag, f"what was added to {base.tag}", base.release), {}, base=base, additions=additions)


def sources() -> Path:
    """Where `images` and `sidecars` are: in the wheel beside the code, in a checkout two levels above it."""
    bundled = _PACKAGE / "_bundle"
    return bundled if bundled.is_dir() else _PACKAGE.parents[1]


def _context(name: str, recipe: str, files: Mapping[str, Path], dockerfile: str = DOCKERFILE) -> BuildContext:
    digest = hashlib.sha256()
    ordered = {path: files[path] for path in sorted(files)}
    for path, source in ordered.items():
        content = hashlib.sha256(_read(source)).hexdigest()
        digest.update(f"{_mode(source):o} {content} {path}\n".encode(errors="surrogateescape"))
    digest.update(dockerfile.encode())
    tag = f"{PREFIX}{name}:{digest.hexdigest()[:_DIGEST_LENGTH]}"
    return BuildContext(Image(tag, recipe, _release(ordered[dockerfile])), ordered, dockerfile)


def _release(recipe: Path) -> str:
    """The first version that a Dockerfile has as a build argument: the one that it is about."""
    found = _VERSION.search(recipe.read_text(errors="replace"))
    return found[1] if found else ""


def _read(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise ManifestError(
            f"{source}: cannot be read: {error.strerror}", hint="a .dockerignore can leave it out"
        ) from error


def _below(folder: Path, prefix: str) -> dict[str, Path]:
    """All files under a folder, without what Python leaves beside its sources."""
    return {
        prefix + path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _mode(source: Path) -> int:
    """Owner's execute bit alone: a checkout's umask says nothing about an image."""
    return 0o755 if source.stat().st_mode & 0o100 else 0o644
