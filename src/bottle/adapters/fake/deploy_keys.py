"""A forge that is made up."""

from collections.abc import Sequence

from bottle.domain.deploy_keys import DeployKey, title_of
from bottle.domain.errors import ProvisionError
from bottle.domain.gitgate import Upstream
from bottle.domain.manifest import Remote


class FakeDeployKeys:
    """deploy_keys.DeployKeys over lists: `record` is what is written down, `standing` what the forge has. `token` is
    the one that it takes."""

    def __init__(self, token: str = "") -> None:
        self.record: dict[str, list[DeployKey]] = {}
        self.standing: list[DeployKey] = []
        self.token = token

    def issue(self, identity: str, host: str, remote: Remote, token: str) -> str:
        wish = remote.deploy_key
        if wish is None:
            raise ProvisionError(f"git.remotes.{host} wants no deploy key")
        repository = Upstream.parse(remote.upstream).name
        key = DeployKey(wish.provider, wish.url, repository, wish.token_ref, title_of(identity), "ssh-ed25519 AAAA")
        self.record.setdefault(identity, []).append(key)
        self._check(token)
        self.standing.append(key)
        return f"a private key for {identity}"

    def registered(self, identity: str) -> Sequence[DeployKey]:
        return tuple(self.record.get(identity, ()))

    def withdraw(self, identity: str, key: DeployKey, token: str) -> None:
        self._check(token)
        self.standing = [other for other in self.standing if other != key]
        self.record[identity].remove(key)

    def _check(self, token: str) -> None:
        if token != self.token:
            raise ProvisionError("the forge does not take the token")
