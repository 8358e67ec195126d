"""What every kind of forge answers, and which kinds there are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from attrs import field, frozen

from bottle.domain.upstream_proxy import UpstreamProxy


@frozen
class Standing:
    """A key that a forge has for a repository."""

    number: int
    title: str
    public: str


class Forge(Protocol):
    """The keys of one repository. Every method raises ProvisionError, whose message has nothing of the token."""

    def add(self, title: str, public: str, *, read_only: bool) -> None: ...

    def standing(self) -> Sequence[Standing]:
        """All that there are."""

    def remove(self, number: int) -> None:
        """Nothing happens where it is gone."""


@frozen
class Account:
    """One repository at one forge, as somebody with a token sees it; `roots` are further certificates (PEM)."""

    url: str
    repository: str
    token: str = field(repr=False)
    roots: str = field(default="", repr=False)
    proxy: UpstreamProxy | None = None


def _gitea(account: Account) -> Forge:
    from bottle.adapters.deploy_keys.gitea import Gitea

    return Gitea(account)


FORGES: Final[Mapping[str, Callable[[Account], Forge]]] = {"gitea": _gitea}
"""By the word for it in a manifest. What speaks HTTP is imported when it is asked."""
