"""Where this host's Javas look for their files."""

from pathlib import Path

_HOMES = (
    *("/usr/lib/jvm/*", "/usr/lib64/jvm/*", "/usr/java/*", "/usr/local/java*", "/usr/local/openjdk*"),
    *("/usr/lib/jvm/*/jre", "/usr/lib64/jvm/*/jre"),  # Java 8
)


def places(root: Path = Path("/")) -> list[str]:
    """The files that this host's Javas read their roots from: most distributions have one for all of them."""
    return found("lib/security/cacerts", root)


def found(name: str, root: Path = Path("/")) -> list[str]:
    """The files of this name that this host's Javas read, each once.

    Links are followed as far as /usr goes, which a box shares with the host. Behind it the box's own files begin, and
    the file stands where the first link out of /usr points.
    """
    files = (file for home in _HOMES for file in root.glob(f"{home[1:]}/{name}"))
    seen = {_out_of(root.resolve() / "usr", file) for file in files if file.is_file()}
    return sorted(f"/{place.relative_to(root.resolve())}" for place in seen)


def _out_of(system: Path, file: Path) -> Path:
    place = file.parent.resolve() / file.name
    while place.is_symlink() and place.is_relative_to(system):
        target = place.parent / place.readlink()
        place = target.parent.resolve() / target.name
    return place
