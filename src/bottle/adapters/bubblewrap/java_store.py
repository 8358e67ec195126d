"""The trust store of every Java in the box, in the Java Key Store format, and where Javas look for their files.

JKS because each Java since 1.2 reads it without being told its type or password, even where the default is PKCS 12
(`keystore.type.compat`); of PKCS 12 older ones take an encrypted store alone, and then only with its password.
"""

import hashlib
import struct
from collections.abc import Iterable
from pathlib import Path

_MAGIC, _VERSION, _TRUSTED_CERTIFICATE = 0xFEEDFEED, 2, 2
_PASSWORD = "changeit"  # noqa: S105 - Java's own; it guards against bad disks, and nobody is asked for it
_SALT = b"Mighty Aphrodite"  # the format's own
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


def java_store(certificates: Iterable[bytes]) -> bytes:
    """A store that trusts these certificates (DER)."""
    entries = [_entry(f"root-{number}", certificate) for number, certificate in enumerate(certificates)]
    store = struct.pack(">III", _MAGIC, _VERSION, len(entries)) + b"".join(entries)
    # The digest is the format's checksum: SHA-1 has no say in what is trusted.
    seal = hashlib.sha1(_PASSWORD.encode("utf-16-be") + _SALT + store, usedforsecurity=False)
    return store + seal.digest()


def _entry(alias: str, certificate: bytes) -> bytes:
    created = struct.pack(">Q", 0)
    kind = struct.pack(">I", _TRUSTED_CERTIFICATE)
    return kind + _text(alias) + created + _text("X.509") + struct.pack(">I", len(certificate)) + certificate


def _text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()
