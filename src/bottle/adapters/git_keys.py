"""The private keys that git remotes name, read from this host's files; looked at before anything starts."""

import base64
import binascii
import os
import re
import stat
from pathlib import Path

from bottle.domain.errors import BottleError, ManifestError, SecretMissingError
from bottle.domain.gitgate import Upstream
from bottle.domain.manifest import Remote

_LARGEST = 64 * 1024
_ARMOUR = re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----\s(.*?)-----END \1PRIVATE KEY-----", re.DOTALL)
_OPENSSH = b"openssh-key-v1\0"  # PROTOCOL.key of OpenSSH
_NO_CIPHER = b"\0\0\0\4none"


class KeyFiles:
    """ports.GitKeys over files."""

    def fault(self, host: str, remote: Remote) -> BottleError | None:
        try:
            self.key(host, remote)
        except BottleError as error:
            return error
        return None

    def key(self, host: str, remote: Remote) -> str:
        if Upstream.parse(remote.upstream).kind != "ssh":
            return ""
        where = f"git.remotes.{host}"
        if remote.identity_file is None and remote.deploy_key is None:
            hint = "name the private key: `IdentityFile: ~/.ssh/id_ed25519_...`"
            raise ManifestError(f"{where}: an upstream over SSH needs an IdentityFile", hint=hint)
        if remote.known_host_key is None:
            place = Upstream.parse(remote.upstream)
            hint = f"`ssh-keyscan -p {place.port} {place.host}` shows it; compare it with what the server's owner says"
            raise ManifestError(f"{where}: an upstream over SSH needs a KnownHostKey", hint=hint)
        if remote.identity_file is None:
            return ""  # the bottle gets a key of its own
        return _checked(_read(Path(remote.identity_file).expanduser(), where), where, remote.identity_file)


def _read(path: Path, where: str) -> str:
    """The file's text. Raises SecretMissingError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
                raise SecretMissingError(f"{where}: {path} is no private key", hint="IdentityFile names a key's file")
            if status.st_mode & 0o077:
                raise SecretMissingError(f"{where}: others may read {path}", hint=f"chmod 600 {path}")
            return file.read()
    except FileNotFoundError:
        hint = "`ssh-keygen -t ed25519 -N '' -f ...` makes one; the upstream must know its public half"
        raise SecretMissingError(f"{where}: there is no key {path}", hint=hint) from None
    except UnicodeDecodeError:
        raise SecretMissingError(f"{where}: {path} is no private key", hint="IdentityFile names a key's file") from None
    except OSError as error:
        reason = (error.strerror or "").lower()
        hint = "it must belong to you and be readable"
        raise SecretMissingError(f"{where}: {path} cannot be read: {reason}", hint=hint) from None


def _checked(text: str, where: str, path: str) -> str:
    """The key, which nobody need type anything for. Raises SecretMissingError."""
    match = _ARMOUR.search(text)
    if match is None:
        hint = "IdentityFile names the private key, not its public half"
        raise SecretMissingError(f"{where}: {path} is no private key", hint=hint)
    if match[1] == "ENCRYPTED " or "Proc-Type: 4,ENCRYPTED" in match[2] or _is_encrypted(match[1], match[2]):
        hint = "nobody is there to type it: make a key for this upstream alone, without one"
        raise SecretMissingError(f"{where}: {path} has a passphrase", hint=hint)
    return match[0] + "\n"


def _is_encrypted(kind: str, body: str) -> bool:
    if kind != "OPENSSH ":
        return False
    try:
        packed = base64.b64decode("".join(body.split()))
    except binascii.Error:
        return False
    return packed.startswith(_OPENSSH) and not packed.startswith(_OPENSSH + _NO_CIPHER)
