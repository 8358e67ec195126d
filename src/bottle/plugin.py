"""What the author of a provider plugin needs, under one name.

A plugin is `~/.bot-bottle/contrib/<name>/agent_provider.py` with one class built on `AgentProvider`, or such a class
behind an entry point of the group `bottle.providers`. It says what its agent program needs, as values; it touches
neither host nor box. docs/providers.md has a worked example, `bottle.testing` what tries one out.
"""

from abc import ABC, abstractmethod

from bottle.domain.errors import ManifestError
from bottle.domain.headers import PLACEHOLDER
from bottle.domain.hosts import HostPattern
from bottle.domain.manifest import Auth, ManifestRoute
from bottle.domain.provider import NEWEST, HostLogin, Provision, Report, Wish, plain_report
from bottle.domain.provision import CA_BUNDLE, GUEST_HOME, Check, GuestDirectory, GuestFile

__all__ = [
    "CA_BUNDLE",
    "GUEST_HOME",
    "NEWEST",
    "PLACEHOLDER",
    "AgentProvider",
    "Auth",
    "Check",
    "GuestDirectory",
    "GuestFile",
    "HostLogin",
    "HostPattern",
    "ManifestError",
    "ManifestRoute",
    "Provision",
    "Report",
    "Wish",
]


class AgentProvider(ABC):
    """One agent program. It is made without arguments, and asked once for each start.

    `image` is one of bottle's own images, for a plugin that brings no Dockerfile beside its file and whose manifest
    names none.
    """

    image: str = ""

    @abstractmethod
    def provision(self, wish: Wish) -> Provision:
        """What this bottle's agent needs. Raises ManifestError for settings that it cannot serve."""

    def report(self, output: bytes) -> Report:
        """What the standard output of a headless run says: here all of it is the result."""
        return plain_report(output)
