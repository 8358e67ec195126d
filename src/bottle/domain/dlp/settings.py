"""What the operator says about secret patterns: rules of their own, and rules that are silent on certain ways."""

from attrs import frozen

from bottle.domain.hosts import HostPattern
from bottle.domain.targets import Target, path_allows


@frozen
class KnownRule:
    """A rule by its name, whose it is, and what it finds."""

    name: str
    family: str
    finds: str


@frozen
class OwnRule:
    """A shape of secret that the operator knows. `pattern` is RE2's dialect; its first group, if any, is the secret.

    One of `keywords` (lower case) stands near it, where there are any; `entropy` is the least, in bits a byte.
    """

    name: str
    pattern: str
    finds: str = ""
    keywords: tuple[str, ...] = ()
    entropy: float = 0.0


@frozen
class Silence:
    """A rule that finds nothing in requests to a host, below a path. None and the empty path mean any."""

    rule: str
    host: HostPattern | None = None
    path: str = ""

    def covers(self, host: str, target: Target) -> bool:
        """Whether the rule is silent for a request to `host`, in normal form."""
        if self.host is not None and not self.host.matches(host):
            return False
        return not self.path or path_allows(self.path, target)


@frozen
class Scanning:
    """All of that for one bottle. Registered values are no rules: they are always looked for."""

    rules: tuple[OwnRule, ...] = ()
    silences: tuple[Silence, ...] = ()

    def silent(self, host: str, target: Target) -> frozenset[str]:
        """The rules that are silent for a request."""
        return frozenset(silence.rule for silence in self.silences if silence.covers(host, target))
