"""What the operator says about secret patterns: rules of their own, rules that are silent on certain ways, and what was
found and is no secret."""

from attrs import evolve, frozen

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
    """All of that for one bottle. Registered values are no rules: they are always looked for, approved or not.

    `approved` are fingerprints, as refusals name them, of findings that may pass wherever they go.
    """

    rules: tuple[OwnRule, ...] = ()
    silences: tuple[Silence, ...] = ()
    approved: tuple[str, ...] = ()

    def approving(self, fingerprint: str) -> "Scanning":
        """These settings and one more finding that may pass."""
        return evolve(self, approved=tuple(dict.fromkeys((*self.approved, fingerprint))))

    def silent(self, host: str, target: Target) -> frozenset[str]:
        """The rules that are silent for a request."""
        return frozenset(silence.rule for silence in self.silences if silence.covers(host, target))
