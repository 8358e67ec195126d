"""The authorities that a box trusts: the host's and the bottle's own, in every place that programs look for them.

All of it is composed on the host. Nothing runs in the box for it, so no start waits for `update-ca-certificates`, and
a program that ignores the environment, or is started with none, still finds the bottle's authority.
"""

import hashlib
import ssl
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import certifi
from attrs import field, frozen
from cryptography import x509

from bottle.adapters.bubblewrap.java_places import places
from bottle.adapters.der import certificates_in, header_of
from bottle.adapters.java_store import java_store
from bottle.domain.errors import ProvisionError
from bottle.domain.provision import CA_BUNDLE, JAVA_STORE

HOST_BUNDLES = tuple(
    Path(path)
    for path in (
        "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
        "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
        "/etc/ssl/ca-bundle.pem",  # SUSE
        "/etc/ssl/cert.pem",
    )
)
AUTHORITY = "/etc/ssl/certs/bot-bottle.pem"
"""The bottle's own authority alone, in the box."""

_PIP = f"[global]\ncert = {CA_BUNDLE}\n".encode()  # before 24.2 it trusts what it brings along, and nothing else

_BUNDLE_LINKS = (
    "/etc/ssl/cert.pem",  # OpenSSL of Alpine and Arch, LibreSSL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora: curl, git, Go
    "/etc/pki/tls/cert.pem",  # Fedora: OpenSSL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",  # Arch
    "/var/lib/ca-certificates/ca-bundle.pem",  # SUSE
)
_ANCHOR_LINKS = (  # p11-kit reads these itself; GnuTLS and NSS ask it on Fedora, Arch and SUSE
    "/etc/pki/ca-trust/source/anchors/bot-bottle.pem",
    "/etc/ca-certificates/trust-source/anchors/bot-bottle.pem",
    "/etc/pki/trust/anchors/bot-bottle.pem",
)
_LARGEST = 16 * 1024 * 1024


@frozen
class Stores:
    """`host`: the host's own roots (PEM). `box`: files by their path in the box. `links`: path to target, likewise."""

    host: bytes = field(repr=False)
    box: Mapping[str, bytes] = field(repr=False)
    links: Mapping[str, str]


def stores(authority: str, bundles: Sequence[Path] = HOST_BUNDLES, java_places: Iterable[str] | None = None) -> Stores:
    """What the box trusts: `authority` (PEM) and the roots of the first of the host's bundles that holds any, else
    certifi's. Reads no other file. Raises ProvisionError where the authority is no certificate."""
    own = certificates_in(authority.encode())
    if len(own) != 1:
        raise ProvisionError("the bottle's authority is no certificate")
    roots = _host_roots(bundles)
    pem, own_pem = _pem(roots), _pem(own)
    files = {CA_BUNDLE: pem + own_pem, AUTHORITY: own_pem, "/etc/pip.conf": _PIP}
    javas = list(places() if java_places is None else java_places)
    if javas:
        files |= dict.fromkeys((JAVA_STORE, *javas), java_store([*roots, *own]))
    return Stores(pem, files, _links(own[0]))


def _links(authority: bytes) -> dict[str, str]:
    return {
        **dict.fromkeys(_BUNDLE_LINKS, CA_BUNDLE),
        **dict.fromkeys(_ANCHOR_LINKS, AUTHORITY),
        f"/etc/ssl/certs/{_subject_hash(authority)}.0": AUTHORITY,
    }


def _host_roots(bundles: Iterable[Path]) -> list[bytes]:
    for path in (*bundles, Path(certifi.where())):
        try:
            with path.open("rb") as file:
                found = certificates_in(file.read(_LARGEST))
        except OSError:
            continue
        if found:
            return found
    raise ProvisionError("this host has no authorities that could be trusted", hint="install ca-certificates")


def _pem(certificates: Iterable[bytes]) -> bytes:
    return "".join(map(ssl.DER_cert_to_PEM_cert, certificates)).encode()


def _subject_hash(certificate: bytes) -> str:
    """The name under which OpenSSL finds a certificate in a directory (X509_NAME_hash): SHA-1 over the subject with
    its letters small and its white space single, without the outermost header."""
    subject = x509.load_der_x509_certificate(certificate).subject
    plain = x509.Name(
        [x509.NameAttribute(part.oid, " ".join(str(part.value).lower().split())) for part in subject]
    ).public_bytes()
    start, _ = header_of(plain, 0)
    digest = hashlib.sha1(plain[start:], usedforsecurity=False).digest()
    return digest[3::-1].hex()
