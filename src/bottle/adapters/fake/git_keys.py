"""Keys of a host that is made up."""

from collections.abc import Mapping

from bottle.adapters.git_keys import KeyFiles
from bottle.domain.errors import SecretMissingError
from bottle.domain.manifest import Remote


class FakeGitKeys(KeyFiles):
    """ports.GitKeys with keys by the path that a manifest names."""

    def __init__(self, keys: Mapping[str, str] | None = None) -> None:
        self._keys = dict(keys or {})

    def key(self, host: str, remote: Remote) -> str:
        if remote.identity_file is not None and remote.known_host_key is not None:
            if remote.identity_file not in self._keys:
                raise SecretMissingError(f"git.remotes.{host}: there is no key {remote.identity_file}")
            return self._keys[remote.identity_file]
        return super().key(host, remote)
