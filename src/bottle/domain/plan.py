"""Everything that a start will do, as data. A plan is complete and holds no secret value: it names slots."""

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from bottle.domain.backends import BackendName
from bottle.domain.dlp.settings import Scanning
from bottle.domain.egress import Policy, Route
from bottle.domain.hosts import Authority
from bottle.domain.manifest import EnvEntry, Remote, Resources
from bottle.domain.provision import Check, GuestDirectory, GuestFile, HostTree
from bottle.domain.taken_out import KeptArchive

EnvSource = Literal["manifest", "host", "prompt", "provider", "bottle"]


@frozen
class Wall:
    """One thing that the backend keeps the agent from, and how. `present` is False for a wall that this host lacks."""

    name: str
    how: str
    present: bool = True


@frozen
class Image:
    """A container image: its tag is the digest of its build context, so the same tag is the same image.

    `recipe` is the Dockerfile's path for messages, None for an image that is taken as it is (`BOT_BOTTLE_IMAGE`).
    `release` is the agent program's in it, where the recipe says one.
    """

    tag: str
    recipe: str | None = None
    release: str = ""


@frozen
class PlannedEnv:
    """One environment entry of the agent. `entry` says where the value comes from at launch; values of the host's
    environment and of prompts are never in the plan."""

    name: str
    source: EnvSource
    entry: EnvEntry
    hidden: bool = False


@frozen
class Slot:
    """A secret that the sidecar is handed at launch: the host variable that holds it and the host that gets it."""

    name: str
    token_ref: str
    host: str
    available: bool


@frozen
class PlannedRoute:
    """A route of the policy with what a person wants to know beside it."""

    route: Route
    slot: Slot | None = None


@frozen
class GitIdentity:
    """The name and address that commits will claim, each with who said so: `agent`, `bottle` or nobody (empty)."""

    name: str = ""
    email: str = ""
    name_source: str = ""
    email_source: str = ""


@frozen
class BottlePlan:
    """A start, whole: what is made, what goes in, what may go out, and what keeps the rest inside."""

    identity: str
    agent: str
    bottle: str
    chain: tuple[str, ...]
    provider: str
    backend: BackendName
    walls: tuple[Wall, ...]
    resources: Resources
    image: Image
    sidecar_image: Image
    argv: tuple[str, ...]
    workdir: str
    env: tuple[PlannedEnv, ...]
    directories: tuple[GuestDirectory, ...]
    files: tuple[GuestFile, ...]
    trees: tuple[HostTree, ...]
    checks: tuple[Check, ...]
    routes: tuple[PlannedRoute, ...]
    git_identity: GitIdentity
    remotes: Mapping[str, Remote]
    skills: tuple[str, ...]
    supervise: bool
    proxy: Authority
    upstream_proxy: Authority | None = None
    label: str = ""
    color: str = ""
    cwd: str = ""
    copy_cwd: bool = False
    notes: tuple[str, ...] = field(default=())
    git_slots: tuple[Slot, ...] = ()
    """The tokens of git remotes over HTTPS, which the git gate is handed."""
    deploy_slots: tuple[Slot, ...] = ()
    """The tokens by which forges are asked for keys of this bottle's own; they stay on the host."""
    scanning: Scanning = Scanning()
    transcript: tuple[str, ...] = ()
    """Paths in the box that hold the agent's sessions; they are kept when it ends."""
    keep_workspace: bool = False
    archives: tuple[KeptArchive, ...] = ()
    """What is put back of an earlier bottle."""
    include: tuple[str, ...] = ()
    commit: str = ""
    """What the copied working tree has checked out; empty where that is no repository's top."""
    additions: tuple[str, ...] = ()
    """What of the image is built on top of the manifest's for this bottle alone."""

    @property
    def policy(self) -> Policy:
        """What the way out is told."""
        return Policy(tuple(planned.route for planned in self.routes), scanning=self.scanning)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The secrets that the sidecar needs, each once."""
        return tuple({planned.slot.name: planned.slot for planned in self.routes if planned.slot}.values())

    @property
    def missing_secrets(self) -> tuple[str, ...]:
        """The host variables that a start would need and that are not set, each once."""
        slots = (*self.slots, *self.git_slots, *self.deploy_slots)
        return tuple(dict.fromkeys(slot.token_ref for slot in slots if not slot.available))
