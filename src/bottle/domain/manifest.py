"""Bottles and agents as their owners write them, and how a bottle overlays its parent.

A field that a file leaves out is None, so that `extends` can tell "not said" from "said to be empty". `Bottle` is what
one file says; `EffectiveBottle` is what a whole chain comes to. Fields called `..._at` hold the place of a word in its
file (`file:line:column`), for messages; they make no difference between two values.
"""

from collections.abc import Mapping

from attrs import evolve, field, frozen

from bottle.domain.addresses import IPNetwork
from bottle.domain.backends import BackendName
from bottle.domain.dlp.settings import Scanning
from bottle.domain.egress import Endpoint, Scheme
from bottle.domain.environment import EnvEntry as EnvEntry
from bottle.domain.environment import HostVariables as HostVariables
from bottle.domain.environment import Prompted as Prompted
from bottle.domain.environment import Verbatim as Verbatim
from bottle.domain.errors import ManifestError, NotFoundError
from bottle.domain.hosts import HostPattern
from bottle.domain.names import did_you_mean

NO_BOTTLES = "bottles are the files `~/.bot-bottle/bottles/<name>.md`"
NO_AGENTS = "`bottle init` writes a first bottle and agent"


@frozen
class GitUser:
    """The identity that the agent's commits claim; an empty field says nothing."""

    name: str = ""
    email: str = ""


@frozen
class PushRules:
    """What the git gate lets through: branches as globs (empty: any), tags as globs (empty: none), whether it may
    rewrite or delete, and the fingerprints of findings that are no secrets."""

    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    force: bool = False
    delete: bool = False
    allow: tuple[str, ...] = ()


@frozen
class KeyWish:
    """A key that a forge is to have for one bottle alone: what kind of forge, its web address, and the host variable
    with a token that may register keys."""

    provider: str
    url: str
    token_ref: str
    read_only: bool = False


@frozen
class Remote:
    """One git upstream behind the gate; keys as in the manifest (`Upstream`, `IdentityFile`, `KnownHostKey`).

    `private_ips` are the addresses beside public ones that its name may lead to (`ssrf_ip_allowlist`).
    """

    upstream: str
    identity_file: str | None = None
    known_host_key: str | None = None
    token_ref: str | None = None
    push: PushRules = PushRules()
    private_ips: tuple[IPNetwork, ...] = ()
    deploy_key: KeyWish | None = None
    """In the place of `identity_file`."""


@frozen
class Git:
    """`remotes` is None when the file does not mention them (inherit), empty when it clears them."""

    user: GitUser = GitUser()
    remotes: Mapping[str, Remote] | None = None


@frozen
class Auth:
    """The credential of a route: the host environment variable that holds it, and the header that carries it."""

    token_ref: str
    scheme: str = "Bearer"
    header: str = "Authorization"


@frozen
class ManifestRoute:
    """One entry of `egress.routes`, normalised."""

    host: HostPattern
    scheme: Scheme = "https"
    ports: tuple[int, ...] = (443,)
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    auth: Auth | None = None
    role: str | None = None
    scan: bool = True
    private_ips: tuple[IPNetwork, ...] = ()
    connect_to: Endpoint | None = None


@frozen
class AgentProvider:
    """Which agent program runs in the bottle, and the credential that its own route gets.

    `dockerfile_from_tree` says that the Dockerfile is meant to come from the tree that the agent works on; `additions`
    are built on top of it (fragments.py).
    """

    template: str
    dockerfile: str | None = None
    dockerfile_from_tree: bool = False
    forward_host_credentials: bool = False
    auth_token: str | None = None
    additions: tuple[str, ...] = ()


@frozen
class Resources:
    """Limits of the agent's box. `memory` in bytes, `cpus` in cores, `pids` in processes and threads."""

    memory: int = 4 * 1024**3
    cpus: float = 2.0
    pids: int = 1024


@frozen
class Bottle:
    """What one bottle file says. `source` is the file, for messages."""

    name: str
    source: str = ""
    extends: str | None = None
    env: Mapping[str, EnvEntry] = field(factory=dict)
    git: Git = Git()
    agent_provider: AgentProvider | None = None
    routes: tuple[ManifestRoute, ...] | None = None
    scanning: Scanning | None = None
    supervise: bool | None = None
    backend: BackendName | None = None
    resources: Resources | None = None
    extends_at: str = field(default="", eq=False, repr=False)

    @property
    def says_extends(self) -> str:
        """Where a message about `extends` points to."""
        return f"{self.extends_at or self.source}: extends"


@frozen
class EffectiveBottle:
    """What a chain of bottles comes to. `chain` names them, the chosen one first."""

    name: str
    chain: tuple[str, ...]
    env: Mapping[str, EnvEntry]
    git_user: GitUser
    remotes: Mapping[str, Remote]
    agent_provider: AgentProvider
    routes: tuple[ManifestRoute, ...]
    scanning: Scanning
    supervise: bool
    backend: BackendName | None
    resources: Resources


@frozen
class Agent:
    """What one agent file says. `prompt` is the file's body without surrounding white space."""

    name: str
    bottle: str
    source: str = ""
    skills: tuple[str, ...] = ()
    git_user: GitUser = GitUser()
    prompt: str = field(default="", repr=False)
    bottle_at: str = field(default="", eq=False, repr=False)


@frozen
class Manifest:
    """All bottles and agents that are to be had, by name."""

    bottles: Mapping[str, Bottle] = field(factory=dict)
    agents: Mapping[str, Agent] = field(factory=dict)

    def agent(self, name: str) -> Agent:
        """The agent of this name; raises NotFoundError with the nearest name as hint."""
        if name not in self.agents:
            raise NotFoundError(f"no agent is called '{name}'", hint=did_you_mean(name, self.agents) or NO_AGENTS)
        return self.agents[name]

    def bottle_for(self, agent_name: str) -> EffectiveBottle:
        """The effective bottle of an agent. Raises NotFoundError, or ManifestError for a broken chain."""
        agent = self.agent(agent_name)
        if agent.bottle not in self.bottles:
            raise ManifestError(
                f"{agent.bottle_at or agent.source}: bottle: no bottle is called '{agent.bottle}'",
                hint=did_you_mean(agent.bottle, self.bottles) or NO_BOTTLES,
            )
        return effective(self.bottles, agent.bottle)

    def part_for(self, agent_name: str) -> "Manifest":
        """This agent, its bottle and what that extends, and nothing else. Raises what `bottle_for` raises."""
        effective_bottle = self.bottle_for(agent_name)
        return Manifest(
            bottles={name: self.bottles[name] for name in effective_bottle.chain},
            agents={agent_name: self.agents[agent_name]},
        )

    def check(self) -> None:
        """Raises ManifestError for the first link that leads nowhere: bottle to parent, or agent to bottle."""
        for name in self.bottles:
            chain_of(self.bottles, name)
        for name in self.agents:
            self.bottle_for(name)


def chain_of(bottles: Mapping[str, Bottle], name: str) -> tuple[Bottle, ...]:
    """A bottle and its ancestors, itself first. Raises ManifestError for a cycle or a parent that is not there."""
    chain: list[Bottle] = [bottles[name]]
    while (parent := chain[-1].extends) is not None:
        child = chain[-1]
        if parent in (bottle.name for bottle in chain):
            path = " -> ".join([*(bottle.name for bottle in chain), parent])
            raise ManifestError(
                f"{child.says_extends}: the chain runs in a circle ({path})",
                hint="a bottle extends one that does not extend it",
            )
        if parent not in bottles:
            raise ManifestError(
                f"{child.says_extends}: no bottle is called '{parent}'",
                hint=did_you_mean(parent, (name for name in bottles if name != child.name)) or NO_BOTTLES,
            )
        chain.append(bottles[parent])
    return tuple(chain)


def effective(bottles: Mapping[str, Bottle], name: str) -> EffectiveBottle:
    """What the bottle comes to with all that it extends. Raises ManifestError when it names no provider."""
    chain = chain_of(bottles, name)
    merged = chain[-1]
    for child in reversed(chain[:-1]):
        merged = overlay(merged, child)
    if merged.agent_provider is None:
        raise ManifestError(
            f"{chain[0].source}: agent_provider: neither the bottle nor what it extends names one",
            hint="add `agent_provider: {template: claude}`",
        )
    return EffectiveBottle(
        name=name,
        chain=tuple(bottle.name for bottle in chain),
        env=merged.env,
        git_user=merged.git.user,
        remotes=merged.git.remotes or {},
        agent_provider=merged.agent_provider,
        routes=merged.routes or (),
        scanning=merged.scanning or Scanning(),
        supervise=bool(merged.supervise),
        backend=merged.backend,
        resources=merged.resources or Resources(),
    )


def overlay(parent: Bottle, child: Bottle) -> Bottle:
    """The child over its parent: `env` and `git.remotes` merge by key, `git.user` by field, all else replaces."""
    return evolve(
        child,
        env={**parent.env, **child.env},
        git=Git(user=merge_user(child.git.user, parent.git.user), remotes=_merge_remotes(parent.git, child.git)),
        agent_provider=child.agent_provider if child.agent_provider is not None else parent.agent_provider,
        routes=child.routes if child.routes is not None else parent.routes,
        scanning=child.scanning if child.scanning is not None else parent.scanning,
        supervise=child.supervise if child.supervise is not None else parent.supervise,
        backend=child.backend if child.backend is not None else parent.backend,
        resources=child.resources if child.resources is not None else parent.resources,
    )


def merge_user(first: GitUser, second: GitUser) -> GitUser:
    """Field by field, the first that says something."""
    return GitUser(name=first.name or second.name, email=first.email or second.email)


def _merge_remotes(parent: Git, child: Git) -> Mapping[str, Remote] | None:
    if not child.remotes:
        return parent.remotes if child.remotes is None else {}
    return {**(parent.remotes or {}), **child.remotes}
