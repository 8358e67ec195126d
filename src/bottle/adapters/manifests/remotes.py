"""`git`: who commits, and the upstreams behind the gate."""

import re

from bottle.adapters.manifests.keys.git import DEPLOY_KEY, GIT, PUSH, REMOTE, USER
from bottle.adapters.manifests.nodes import Node, Table
from bottle.adapters.manifests.reading import (
    any_table,
    distinct,
    flag,
    host_path,
    line,
    one_of,
    optional,
    some,
    table,
    text,
    variable,
)
from bottle.adapters.manifests.routes import networks
from bottle.domain.gitgate import LOCAL, Upstream
from bottle.domain.hosts import InvalidHostError, host_in_manifest
from bottle.domain.manifest import Git, GitUser, KeyWish, PushRules, Remote

_FORGES = ("gitea",)
_FORGE_URL = re.compile(r"https://[^\s/@?#]+(?:/[^\s@?#]*)?\Z")
_URL = re.compile(
    r"(?P<scheme>ssh|https)://(?:(?P<user>[A-Za-z0-9_][^@/:\s]*)(?P<password>:[^@/]*)?@)?[^@/\s-][^@/\s]*/\S+\Z"
)
_SCP = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!/*-)[^\s:]\S*\Z")
_HOST_KEY = re.compile(r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}\Z")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}\Z")
_NO_BRANCH = re.compile(r"^[-/]|//|\.\.|[\s~^:\\]|@\{|/$|\.lock$|\.$")  # git-check-ref-format(1)
_MEANINGLESS = {
    "ssh": ("token_ref",),
    "https": ("IdentityFile", "KnownHostKey", "deploy_key"),
    "local": ("IdentityFile", "KnownHostKey", "token_ref", "ssrf_ip_allowlist", "deploy_key"),
}
_TRANSPORT = {"ssh": "over SSH", "https": "over HTTPS", "local": "on this host"}


def git(node: Node) -> Git:
    """A bottle's `git`."""
    section = table(node, GIT)
    return Git(
        user=optional(section, "user", git_user, GitUser()), remotes=optional(section, "remotes", _remotes, None)
    )


def git_user(node: Node) -> GitUser:
    """The identity that commits claim; an empty field says nothing."""
    user = table(node, USER)
    return GitUser(name=optional(user, "name", _signature, ""), email=optional(user, "email", _signature, ""))


def _signature(node: Node) -> str:
    value = line(node).strip()
    if "<" in value or ">" in value:
        raise node.error("holds `<` or `>`, which git takes out", hint="write name and address in their own keys")
    return value


def _remotes(node: Node) -> dict[str, Remote]:
    section = any_table(node, "git hosts")
    return {_host(entry.key): _remote(entry.value) for entry in section.entries.values()}


def _host(key: Node) -> str:
    """The key of a remote, as written: a host in normal form."""
    name = text(key)
    try:
        normal = host_in_manifest(name)
    except InvalidHostError as error:
        raise key.error(str(error), hint="the key is the upstream's host, as in `git.example.org`") from None
    if normal != name:
        raise key.error("is not in normal form", hint=f"write `{normal}`")
    return name


def _remote(node: Node) -> Remote:
    entry = table(node, REMOTE)
    upstream = _upstream(entry.need("Upstream", "ssh://git@git.example.org/team/project.git"))
    _refuse_mixture(entry, upstream)
    return Remote(
        upstream=upstream,
        identity_file=optional(entry, "IdentityFile", host_path, None),
        known_host_key=optional(entry, "KnownHostKey", _host_key, None),
        token_ref=optional(entry, "token_ref", variable, None),
        push=optional(entry, "push", _push, PushRules()),
        private_ips=optional(entry, "ssrf_ip_allowlist", networks, ()),
        deploy_key=_deploy_key(entry, upstream),
    )


def _deploy_key(entry: Table, upstream: str) -> KeyWish | None:
    """A key of the forge's for each bottle; it is of one repository, `owner/name`."""
    wish = optional(entry, "deploy_key", _key_wish, None)
    if wish is None:
        return None
    key = entry.entries["deploy_key"].key
    if entry.get("IdentityFile") is not None:
        raise key.error("stands beside an IdentityFile", hint="take one of them out")
    if Upstream.parse(upstream).name.count("/") != 1:
        raise key.error("needs an Upstream of the form ssh://git@host:port/owner/name.git", hint="write it so")
    return wish


def _key_wish(node: Node) -> KeyWish:
    wish = table(node, DEPLOY_KEY)
    return KeyWish(
        provider=one_of(wish.need("provider", "gitea"), _FORGES),
        url=_forge_url(wish.need("url", "https://git.example.org")),
        token_ref=variable(wish.need("token_ref", "GITEA_TOKEN")),
        read_only=optional(wish, "read_only", flag, False),
    )


def _forge_url(node: Node) -> str:
    url = text(node)
    if _FORGE_URL.match(url) is None:
        raise node.error("is no web address of a forge over HTTPS", hint="write `https://git.example.org`")
    return url.rstrip("/")


def _upstream(node: Node) -> str:
    """A URL over SSH or HTTPS; never a transport that runs a program or reads the host's files (`ext::`, `file:`)."""
    url = text(node)
    if url == LOCAL:
        return url
    match = _URL.match(url)
    if match is not None and (match["password"] or (match["scheme"] == "https" and match["user"])):
        raise node.error("holds a credential", hint="take it out; `token_ref` names the variable that holds it")
    if match is None and ("://" in url or _SCP.match(url) is None):
        raise node.error("is no upstream over SSH or HTTPS", hint="write `ssh://git@host:port/path.git`")
    try:
        Upstream.parse(url)
    except ValueError as error:
        raise node.error(f"is no upstream: {error}", hint="write `ssh://git@host:port/path.git`") from None
    return url


def _refuse_mixture(entry: Table, upstream: str) -> None:
    """SSH has keys, HTTPS a token; the other's words would be passed over in silence."""
    kind = Upstream.parse(upstream).kind
    for key in _MEANINGLESS[kind]:
        if entry.get(key) is not None:
            raise entry.entries[key].key.error(f"means nothing for an upstream {_TRANSPORT[kind]}", hint="take it out")


def _host_key(node: Node) -> str:
    key = text(node)
    if _HOST_KEY.match(key) is None:
        raise node.error(
            "is no host key", hint="write type and key alone, `ssh-ed25519 AAAA...`, as `ssh-keyscan` prints them"
        )
    return key


def _push(node: Node) -> PushRules:
    rules = table(node, PUSH)
    return PushRules(
        branches=optional(rules, "branches", _branches, ()),
        tags=optional(rules, "tags", _tags, ()),
        force=optional(rules, "force", flag, False),
        delete=optional(rules, "delete", flag, False),
        allow=optional(rules, "allow", _fingerprints, ()),
    )


def _branches(node: Node) -> tuple[str, ...]:
    return distinct(some(node, "branches", "every branch"), _branch)


def _tags(node: Node) -> tuple[str, ...]:
    return distinct(some(node, "tags", "no tag"), _tag)


def _branch(node: Node) -> str:
    glob = _glob(node)
    if _NO_BRANCH.search(glob):
        raise node.error("can match no branch", hint="write a branch such as `main`, or a glob such as `agent/*`")
    return glob


def _tag(node: Node) -> str:
    glob = _glob(node)
    if _NO_BRANCH.search(glob):
        raise node.error("can match no tag", hint="write a tag such as `v1.0`, or a glob such as `v*`")
    return glob


def _glob(node: Node) -> str:
    glob = text(node)
    if glob.startswith("refs/"):
        raise node.error("names a ref, not a branch", hint=f"write `{glob.split('/', 2)[-1]}`")
    return glob


def _fingerprints(node: Node) -> tuple[str, ...]:
    return distinct(some(node, "fingerprints", "no finding"), _fingerprint)


def _fingerprint(node: Node) -> str:
    value = text(node)
    if _FINGERPRINT.match(value) is None:
        raise node.error("is no fingerprint of a finding", hint="the gate's refusal names it: 16 hexadecimal digits")
    return value
