"""Nodes to domain values: what a bottle and an agent may say, key by key."""

import re
from collections.abc import Mapping

from bottle.adapters.manifests.keys.bottle import AGENT, AGENT_PROVIDER, BOTTLE, RESOURCES
from bottle.adapters.manifests.keys.git import AGENT_GIT
from bottle.adapters.manifests.nodes import Entry, Node, Scalar, Table, from_data
from bottle.adapters.manifests.reading import (
    any_table,
    distinct,
    entity,
    flag,
    host_path,
    integer,
    items,
    one_of,
    optional,
    raw_text,
    table,
    text,
    variable,
)
from bottle.adapters.manifests.remotes import git, git_user
from bottle.adapters.manifests.routes import routes
from bottle.adapters.manifests.scanning import scanning
from bottle.domain.backends import BACKENDS
from bottle.domain.environment import VARIABLE, EnvEntry, env_entry
from bottle.domain.fragments import fragment_fault
from bottle.domain.manifest import (
    Agent,
    AgentProvider,
    Bottle,
    Git,
    GitUser,
    Manifest,
    Resources,
)
from bottle.domain.names import is_entity_name
from bottle.domain.supervise import LONGEST_FRAGMENT, plain_fault

_BELONGS_TO_BOTTLE = {
    key: f"`{key}` belongs to the bottle: an agent, which a repository may bring along, sets no walls"
    for key in BOTTLE.names
    if key != "git"
}
_BELONGS_TO_AGENT = {key: f"`{key}` belongs to the agent's file" for key in ("bottle", "skills", "prompt")}
_GUARDED = {"auth_token": "claude", "forward_host_credentials": "codex"}
_SKILL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_MEMORY = re.compile(r"([1-9][0-9]{0,8})([kmg])\Z")
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}
_LEAST_MEMORY = 64 * 1024**2
_LEAST_PIDS = 16
_MOST_CPUS = 1024


def bottle_from(root: Table, name: str) -> Bottle:
    """The bottle that a file's frontmatter says. Raises ManifestError."""
    table(root, BOTTLE, instead=_BELONGS_TO_AGENT)
    extends = root.get("extends")
    return Bottle(
        name=name,
        source=root.at.source,
        extends=entity(extends) if extends else None,
        env=optional(root, "env", _env, {}),
        git=optional(root, "git", git, Git()),
        agent_provider=optional(root, "agent_provider", _agent_provider, None),
        routes=optional(root, "egress", routes, None),
        scanning=optional(root, "egress", scanning, None),
        supervise=optional(root, "supervise", flag, None),
        backend=optional(root, "backend", lambda node: one_of(node, BACKENDS), None),
        resources=optional(root, "resources", _resources, None),
        extends_at=str(extends.at) if extends else "",
    )


def agent_from(root: Table, name: str, prompt: str) -> Agent:
    """The agent that a file's frontmatter and body say. Raises ManifestError."""
    table(root, AGENT, instead=_BELONGS_TO_BOTTLE)
    bottle = root.need("bottle", "claude")
    return Agent(
        name=name,
        bottle=entity(bottle),
        source=root.at.source,
        skills=optional(root, "skills", lambda node: distinct(items(node, "skills"), _skill), ()),
        git_user=optional(root, "git", _agent_git, GitUser()),
        prompt=prompt.strip(),
        bottle_at=str(bottle.at),
    )


def manifest_from_data(data: Mapping[str, object]) -> Manifest:
    """The manifest that plain values say: `{"bottles": {name: {...}}, "agents": {name: {..., "prompt": "..."}}}`.

    The same keys and rules as in files. Raises ManifestError, for broken links between them too.
    """
    sections = sections_of(data)
    manifest = Manifest(
        bottles={name: bottle_of(entry, name) for name, entry in sections["bottles"].items()},
        agents={name: agent_of(entry, name) for name, entry in sections["agents"].items()},
    )
    manifest.check()
    return manifest


def sections_of(data: Mapping[str, object]) -> dict[str, Mapping[str, Entry]]:
    """Bottles and agents in plain values, by name, none of them read yet."""
    root = any_table(from_data(data, "manifest"), "bottles and agents").only(("bottles", "agents"))
    return {section: _named(root.get(section)) for section in ("bottles", "agents")}


def bottle_of(entry: Entry, name: str) -> Bottle:
    return bottle_from(any_table(entry.value, "a bottle's keys"), name)


def agent_of(entry: Entry, name: str) -> Agent:
    """An agent in plain values, where the prompt is a key like the others."""
    node = any_table(entry.value, "an agent's keys")
    rest = {key: value for key, value in node.entries.items() if key != "prompt"}
    return agent_from(Table(node.at, node.path, rest), name, optional(node, "prompt", raw_text, ""))


def _named(node: Node | None) -> Mapping[str, Entry]:
    entries = any_table(node, "names").entries if node else {}
    for name, entry in entries.items():
        if not is_entity_name(name):
            raise entry.key.error("is no name", hint="lower-case letters, digits and hyphens, a letter first")
    return entries


def _env(node: Node) -> dict[str, EnvEntry]:
    section = any_table(node, "variables")
    for name, entry in section.entries.items():
        if VARIABLE.match(name) is None:
            raise entry.key.error("is no variable's name", hint="letters, digits and `_`, no digit first")
    return {name: _env_value(entry.value) for name, entry in section.entries.items()}


def _env_value(node: Node) -> EnvEntry:
    """A number, `true` and `false` count as they are spelled: every value of an environment is a text."""
    if not isinstance(node, Scalar) or node.value is None:
        raise node.wanted("a text", hint='write `""` for an empty value, or take the variable out')
    spelled = node.value if isinstance(node.value, str) else node.text
    if "\0" in spelled:
        raise node.error("holds a NUL, which no environment can hold")
    try:
        return env_entry(spelled)
    except ValueError as error:
        raise node.error(str(error), hint="write `${NAME}` for a host variable, `?prompt` to be asked") from None


def _agent_provider(node: Node) -> AgentProvider:
    section = table(node, AGENT_PROVIDER)
    template = entity(section.need("template", "claude"))
    for key, owner in _GUARDED.items():
        if section.get(key) is not None and template != owner:
            raise section.entries[key].key.error(
                f"only the template `{owner}` has this, not `{template}`", hint="take it out; a route's `auth` injects"
            )
    return AgentProvider(
        template=template,
        dockerfile=optional(section, "dockerfile", host_path, None),
        dockerfile_from_tree=optional(section, "dockerfile_from_tree", flag, False),
        forward_host_credentials=optional(section, "forward_host_credentials", flag, False),
        auth_token=optional(section, "auth_token", variable, None),
        additions=optional(section, "additions", _additions, ()),
    )


def _additions(node: Node) -> tuple[str, ...]:
    return distinct(items(node, "lines of a Dockerfile"), _addition)


def _addition(node: Node) -> str:
    line = text(node).strip()
    fault = plain_fault(line, LONGEST_FRAGMENT, lines=False) or fragment_fault(line)
    if fault is not None:
        raise node.error(fault, hint="such as `RUN apt-get update && apt-get install -y jq`")
    return line


def _agent_git(node: Node) -> GitUser:
    """Only who commits. Credentials and trusted hosts stay with the bottle, which only the home directory can hold."""
    remotes = "remotes belong to the bottle: an agent, which a repository may bring along, names no keys and no hosts"
    section = table(node, AGENT_GIT, instead={"remotes": remotes})
    return optional(section, "user", git_user, GitUser())


def _skill(node: Node) -> str:
    name = text(node)
    if _SKILL.match(name) is None:
        raise node.error("is no skill's name", hint="the name of a directory: letters, digits, `.`, `_` and `-`")
    return name


def _resources(node: Node) -> Resources:
    section = table(node, RESOURCES)
    usual = Resources()
    return Resources(
        memory=optional(section, "memory", _memory, usual.memory),
        cpus=optional(section, "cpus", _cpus, usual.cpus),
        pids=optional(section, "pids", _pids, usual.pids),
    )


def _memory(node: Node) -> int:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        match = _MEMORY.match(node.value)
        if match is None:
            raise node.error("is no amount of memory", hint="write `512m`, `4g`, or a number of bytes")
        amount = int(match[1]) * _UNITS[match[2]]
    else:
        amount = integer(node)
    if amount < _LEAST_MEMORY:
        raise node.error("is too little for any agent", hint="write `64m` at least; `4g` is usual")
    return amount


def _cpus(node: Node) -> float:
    if not isinstance(node, Scalar) or isinstance(node.value, bool | str | None):
        raise node.wanted("a number of processor cores", hint="write `2` or `1.5`")
    if not 0 < node.value <= _MOST_CPUS:
        raise node.error("is no number of processor cores", hint=f"more than 0, at most {_MOST_CPUS}")
    return float(node.value)


def _pids(node: Node) -> int:
    count = integer(node)
    if count < _LEAST_PIDS:
        raise node.error("is too few for any agent", hint=f"write {_LEAST_PIDS} at least; 1024 is usual")
    return count
