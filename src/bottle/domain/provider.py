"""What is particular to one agent program, as values. A provider is pure: it touches neither host nor box."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from bottle.domain.manifest import AgentProvider, ManifestRoute
from bottle.domain.provision import Check, GuestDirectory, GuestFile

PLACEHOLDER = "egress-placeholder"
"""Stands in the box where a client insists on a credential; the way out replaces the header that it makes of it."""


@frozen
class HostLogin:
    """What an agent program's login on this host says of itself. It holds no secret: `token_ref` names where that is.

    `plan` is the account's kind of subscription where the login tells it; `expires_at` (ISO 8601) is the token's end.
    """

    token_ref: str
    account: str
    plan: str = ""
    expires_at: str = ""


@frozen
class Wish:
    """All that a provider may know about the bottle that is being planned.

    `env` is what the manifest sets to a value of its own. `login` is this host's, where the manifest forwards it and
    it could be read.
    """

    settings: AgentProvider
    routes: Sequence[ManifestRoute]
    home: str
    workdir: str
    prompt_path: str | None
    label: str = ""
    color: str = ""
    remote_control: bool = False
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = field(factory=dict)
    login: HostLogin | None = None
    supervise_url: str = ""
    """Where the agent asks when it is stuck (MCP, streamable HTTP); empty where it cannot."""


@frozen
class Provision:
    """What the provider adds: environment (the manifest's wins), furniture, routes, the program, and checks.

    `hidden_env` names entries that are left out of the preflight: placeholders that would only confuse.
    A route to a host that the bottle lists already gives it its credential where it has none; else it is added.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(factory=dict)
    hidden_env: frozenset[str] = frozenset()
    directories: tuple[GuestDirectory, ...] = ()
    files: tuple[GuestFile, ...] = ()
    routes: tuple[ManifestRoute, ...] = ()
    checks: tuple[Check, ...] = ()


class Provider(Protocol):
    """One agent program."""

    @property
    def template(self) -> str:
        """The name by which `agent_provider.template` chooses it."""

    @property
    def image(self) -> str:
        """The directory under `images/` that builds it, which is also the image's short name."""

    @property
    def dockerfile(self) -> str | None:
        """A Dockerfile of its own on this host, in place of `image`; None where it brings none."""

    def provision(self, wish: Wish) -> Provision:
        """What this bottle's agent needs. Raises ManifestError for settings that contradict each other."""
