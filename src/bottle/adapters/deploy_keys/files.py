"""Deploy keys, and their record in the bottle's state: written before one is registered, kept until it is gone."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bottle.adapters import disk
from bottle.adapters.deploy_keys.forge import FORGES, Account, Forge
from bottle.adapters.state.failures import failures
from bottle.domain.deploy_keys import DeployKey, read_record, record_document, title_of
from bottle.domain.errors import ConflictError, ProvisionError
from bottle.domain.gitgate import Upstream
from bottle.domain.manifest import Remote
from bottle.domain.upstream_proxy import UpstreamProxy

RECORD: Final = "deploy-keys.json"
_LARGEST: Final = 1 << 20


class DeployKeyFiles:
    """deploy_keys.DeployKeys over `root` (`~/.bot-bottle/state`). `roots` and `proxy` read what the host's settings say
    of the way to forges."""

    def __init__(self, root: Path, roots: Callable[[], str], proxy: Callable[[], UpstreamProxy | None]) -> None:
        self._root, self._roots, self._proxy = root, roots, proxy

    def issue(self, identity: str, host: str, remote: Remote, token: str) -> str:
        wish = remote.deploy_key
        if wish is None:
            raise ProvisionError(f"git.remotes.{host} wants no deploy key")
        private, public = _key_pair()
        repository = Upstream.parse(remote.upstream).name
        key = DeployKey(wish.provider, wish.url, repository, wish.token_ref, title_of(identity), public)
        self._write(identity, (*self.registered(identity), key))
        self._forge(key, token).add(key.title, public, read_only=wish.read_only)
        return private

    def registered(self, identity: str) -> Sequence[DeployKey]:
        path = self._path(identity)
        try:
            return read_record(json.loads(disk.read_regular(path, _LARGEST)))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except (OSError, ValueError, disk.NotRegularError):
            hint = f"look for keys called '{title_of(identity)}' at your forge, and remove {path}"
            raise ConflictError(f"the record of {identity}'s deploy keys is damaged", hint=hint) from None

    def withdraw(self, identity: str, key: DeployKey, token: str) -> None:
        forge = self._forge(key, token)
        for standing in forge.standing():
            if key.is_same(standing.title, standing.public):
                forge.remove(standing.number)
        self._write(identity, tuple(other for other in self.registered(identity) if other != key))

    def _forge(self, key: DeployKey, token: str) -> Forge:
        make = FORGES.get(key.provider)
        if make is None:
            raise ProvisionError(f"no kind of forge is called '{key.provider}'")
        return make(Account(key.url, key.repository, token, self._roots(), self._proxy()))

    def _write(self, identity: str, keys: tuple[DeployKey, ...]) -> None:
        path = self._path(identity)
        with failures(f"cannot write down the deploy keys of {identity}"):
            if keys:
                disk.write_whole(path, json.dumps(record_document(keys)).encode())
            else:
                path.unlink(missing_ok=True)

    def _path(self, identity: str) -> Path:
        return self._root / identity / RECORD


def _key_pair() -> tuple[str, str]:
    """Both halves as OpenSSH has them (ed25519)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return private.decode(), public.decode()
