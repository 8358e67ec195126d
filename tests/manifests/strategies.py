"""Random bottles, as domain values and as the text that says them."""

import ipaddress
import json
from typing import Any

from hypothesis import strategies as st

from bottle.domain.addresses import IPNetwork
from bottle.domain.backends import BACKENDS
from bottle.domain.environment import PROMPT, EnvEntry, HostVariables, Prompted, Verbatim, env_entry
from bottle.domain.hosts import HostPattern
from bottle.domain.manifest import (
    AgentProvider,
    Auth,
    Bottle,
    Git,
    GitUser,
    ManifestRoute,
    PushRules,
    Remote,
    Resources,
)

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)
VARIABLES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,12}", fullmatch=True)
WORDS = st.from_regex(r"[A-Za-z][A-Za-z0-9 .+-]{0,12}[A-Za-z0-9]", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
HOSTS = st.from_regex(r"(\*\.)?[a-z]{1,8}\.(example\.org|corp\.internal)", fullmatch=True)
PATHS = st.from_regex(r"/([a-z0-9_-]{1,6}/){0,3}[a-z0-9_-]{0,6}", fullmatch=True)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PROPFIND"])


def _entry(text: str) -> EnvEntry:
    try:
        return env_entry(text)
    except ValueError:
        return Verbatim("")


def env_entries() -> st.SearchStrategy[EnvEntry]:
    return st.one_of(TEXTS.map(_entry), st.just(Prompted()), VARIABLES.map(lambda name: env_entry(f"x${{{name}}}")))


def _unique(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=3, unique=True).map(tuple)


def networks() -> st.SearchStrategy[IPNetwork]:
    return st.builds(
        lambda number, length: ipaddress.ip_network((number, length), strict=False),
        st.integers(0, 2**32 - 1),
        st.integers(1, 32),
    )


def routes() -> st.SearchStrategy[ManifestRoute]:
    ports = st.lists(st.sampled_from([443, 8443, 9000]), min_size=1, unique=True).map(tuple)
    header = st.sampled_from(["Authorization", "x-api-key"])
    auth = st.builds(Auth, VARIABLES, st.sampled_from(["Bearer", "token", ""]), header)
    return st.builds(
        ManifestRoute,
        host=HOSTS.map(HostPattern),
        ports=ports,
        methods=_unique(METHODS),
        paths=_unique(PATHS),
        auth=st.none() | auth,
        role=st.none() | st.just("claude_code_oauth"),
        scan=st.booleans(),
        private_ips=_unique(networks()),
    )


def _matches(route: ManifestRoute) -> object:
    return route.host, frozenset(route.ports), frozenset(route.methods), frozenset(route.paths)


def remotes() -> st.SearchStrategy[dict[str, Remote]]:
    globs = _unique(st.sampled_from(["main", "agent/*", "v?"]))
    push = st.builds(PushRules, globs, globs, force=st.booleans(), delete=st.booleans())
    remote = st.builds(Remote, st.just("ssh://git@h.example/a.git"), st.none() | st.just("~/.ssh/id"), push=push)
    hosts = st.from_regex(r"[a-z]{1,8}\.example", fullmatch=True)
    return st.dictionaries(hosts, remote, max_size=3)


def users() -> st.SearchStrategy[GitUser]:
    return st.builds(GitUser, st.just("") | WORDS, st.just("") | WORDS)


def bottles() -> st.SearchStrategy[Bottle]:
    """Bottles called `dev`, from `bottles/dev.md`, that extend nothing."""
    provider = st.builds(AgentProvider, NAMES, st.none() | st.just("~/Dockerfile"))
    resources = st.builds(
        Resources, st.integers(2**26, 2**40), st.sampled_from([0.5, 1.0, 1.5, 8.0]), st.integers(16, 9999)
    )
    return st.builds(
        Bottle,
        name=st.just("dev"),
        source=st.just("bottles/dev.md"),
        env=st.dictionaries(VARIABLES, env_entries(), max_size=4),
        git=st.builds(Git, users(), st.none() | remotes()),
        agent_provider=st.none() | provider,
        routes=st.none() | st.lists(routes(), max_size=4, unique_by=_matches).map(tuple),
        supervise=st.none() | st.booleans(),
        backend=st.none() | st.sampled_from(BACKENDS),
        resources=st.none() | resources,
    )


def as_data(bottle: Bottle) -> dict[str, Any]:
    """What a person would write for the bottle."""
    user = {"name": bottle.git.user.name, "email": bottle.git.user.email}
    remotes = bottle.git.remotes
    provider, resources = bottle.agent_provider, bottle.resources
    return {
        "env": {name: _written(entry) for name, entry in bottle.env.items()},
        "git": {
            "user": user,
            "remotes": remotes if remotes is None else {host: _remote(one) for host, one in remotes.items()},
        },
        "agent_provider": provider and {"template": provider.template, "dockerfile": provider.dockerfile},
        "egress": None if bottle.routes is None else {"routes": [_route(route) for route in bottle.routes]},
        "supervise": bottle.supervise,
        "backend": bottle.backend,
        "resources": resources and {"memory": resources.memory, "cpus": resources.cpus, "pids": resources.pids},
    }


def as_text(data: dict[str, Any]) -> str:
    """The data as a manifest: the outer keys in block form, all below in flow form, every text in double quotes."""
    lines = [f"{key}: {_flow(value)}" for key, value in data.items()]
    return "\n".join(["---", *lines, "---", ""])


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    plain = (character if character.isprintable() and character not in '\\"' else None for character in text)
    return '"' + "".join(char or f"\\U{ord(text[at]):08X}" for at, char in enumerate(plain)) + '"'


def _written(entry: EnvEntry) -> str:
    if isinstance(entry, Prompted):
        return PROMPT
    return entry.template if isinstance(entry, HostVariables) else entry.value


def _remote(remote: Remote) -> dict[str, Any]:
    push: dict[str, Any] = {"force": remote.push.force, "delete": remote.push.delete}
    if remote.push.branches:
        push["branches"] = list(remote.push.branches)
    if remote.push.tags:
        push["tags"] = list(remote.push.tags)
    return {"Upstream": remote.upstream, "IdentityFile": remote.identity_file, "push": push}


def _route(route: ManifestRoute) -> dict[str, Any]:
    auth = route.auth
    return {
        "host": route.host.text,
        "ports": list(route.ports),
        "methods": list(route.methods) or None,
        "path_allowlist": list(route.paths) or None,
        "auth": auth and {"token_ref": auth.token_ref, "scheme": auth.scheme, "header": auth.header},
        "role": route.role,
        "scan": route.scan,
        "pipelock": {"ssrf_ip_allowlist": [str(network) for network in route.private_ips]},
    }
