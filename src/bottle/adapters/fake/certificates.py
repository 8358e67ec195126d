"""Certificates that certify nothing, made without cryptography."""

import hashlib
import ssl
from collections.abc import Iterable, Mapping
from datetime import datetime

from bottle.app.ports import BottleCertificates

_KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


class FakeAuthority:
    """ports.CertificateAuthority: PEM in form, a few words in content. `issued` lists identities with their hosts."""

    def __init__(self) -> None:
        self.issued: list[tuple[str, tuple[str, ...]]] = []

    def issue(
        self, identity: str, hosts: Iterable[str], now: datetime, *, extensible: bool = False
    ) -> BottleCertificates:
        patterns = tuple(dict.fromkeys(hosts))
        self.issued.append((identity, patterns))
        content = f"authority {len(self.issued)} of {identity} at {now.isoformat()}".encode()
        return BottleCertificates(
            authority=ssl.DER_cert_to_PEM_cert(content),
            fingerprint=hashlib.sha256(content).hexdigest(),
            leaves={pattern: _leaf(content, pattern) for pattern in patterns},
            key=_KEY if extensible else "",
        )

    def extend(self, authority: str, key: str, hosts: Iterable[str]) -> Mapping[str, str]:
        if key != _KEY:
            raise ValueError("no key that this authority made")
        return {pattern: _leaf(authority.encode(), pattern) for pattern in hosts}


def _leaf(authority: bytes, pattern: str) -> str:
    certificate = ssl.DER_cert_to_PEM_cert(authority + b" for " + pattern.encode())
    return f"{certificate}{_KEY}"
