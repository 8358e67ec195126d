"""A trust store in the Java Key Store format.

JKS because each Java since 1.2 reads it without being told its type or password, even where the default is PKCS 12
(`keystore.type.compat`); of PKCS 12 older ones take an encrypted store alone, and then only with its password.
"""

import hashlib
import struct
from collections.abc import Iterable

_MAGIC, _VERSION, _TRUSTED_CERTIFICATE = 0xFEEDFEED, 2, 2
_PASSWORD = "changeit"  # noqa: S105 - Java's own; it guards against bad disks, and nobody is asked for it
_SALT = b"Mighty Aphrodite"  # the format's own


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
