"""Certificates that the operator names in a file: roots to trust beside the usual ones."""

import re
from pathlib import Path

from bottle.domain.errors import UsageError

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n?", re.DOTALL)
_LARGEST = (
    90 * 1024
)  # a build argument is an environment variable, which Linux bounds at 128 KiB, and base64 adds a third


def read_roots(path: Path | None, variable: str) -> str:
    """The certificates of a PEM file, and nothing else that stands in it; empty where no file is named.

    Raises UsageError, naming the variable, for a file that is unreadable, too large, or holds none.
    """
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise UsageError(f"{variable}: cannot read {path}: {reason}") from None
    certificates = "".join(_CERTIFICATE.findall(text.replace("\r\n", "\n")))
    if not certificates:
        raise UsageError(
            f"{variable}: {path} holds no certificate", hint="a PEM file of root certificates belongs here"
        )
    return certificates


def read_build_roots(path: Path | None, variable: str) -> bytes:
    """The same for image builds, whose argument must hold them. Raises UsageError for more than fit."""
    certificates = read_roots(path, variable).encode()
    if len(certificates) > _LARGEST:
        hint = "name the roots that are missing, not a whole bundle"
        raise UsageError(f"{variable}: {path} holds more than {_LARGEST // 1024} KiB of certificates", hint=hint)
    return certificates
