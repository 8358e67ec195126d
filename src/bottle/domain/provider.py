"""What is particular to one agent program, as values. A provider is pure: it touches neither host nor box."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    from bottle.domain.manifest import AgentProvider, ManifestRoute
    from bottle.domain.provision import Check, GuestDirectory, GuestFile


NEWEST: Final = ""
"""In place of a session's id: the one that was used last."""
_SESSION_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}\Z")


def is_session_id(text: str) -> bool:
    """Whether the text, which an agent wrote, may stand in a command line as a session's id."""
    return _SESSION_ID.match(text) is not None


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
    headless: bool = False
    """The program finds its task on standard input, asks nobody, and ends when the task is done."""
    session: str | None = None
    """The session to go on with: its id, or NEWEST. None begins a new one."""
    message: str = ""
    """What the program is told first, where there are no arguments that may say something else."""


@frozen
class Provision:
    """What the provider adds: environment (the manifest's wins), furniture, routes, the program, and checks.

    `hidden_env` names entries that are left out of the preflight: placeholders that would only confuse.
    A route to a host that the bottle lists already gives it its credential where it has none; else it is added.
    `transcript` has the absolute paths, below the home, of the files and directories that hold the program's sessions:
    they are kept when the bottle ends and put back when it is resumed. `headless`: the wish for it was granted.
    `notes` are told to the operator in the preflight.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(factory=dict)
    hidden_env: frozenset[str] = frozenset()
    directories: tuple[GuestDirectory, ...] = ()
    files: tuple[GuestFile, ...] = ()
    routes: tuple[ManifestRoute, ...] = ()
    checks: tuple[Check, ...] = ()
    transcript: tuple[str, ...] = ()
    headless: bool = False
    notes: tuple[str, ...] = ()


@frozen
class Report:
    """What a headless run told of itself. The agent wrote it: it is news, never proof.

    `session_id` is empty where none was told, or none that could stand in a command line; `cost_usd` is None where the
    program does not count.
    """

    result: str
    session_id: str = ""
    cost_usd: float | None = None


def plain_report(output: bytes) -> Report:
    """The report of a program that prints its result and nothing else."""
    return Report(output.decode(errors="replace").strip())


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

    def report(self, output: bytes) -> Report:
        """What the standard output of a headless run says. Any bytes are read: what is not understood is the result."""
