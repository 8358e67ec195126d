"""The git gate's words and rules: where an upstream is, what the agent calls it, and which pushes may pass.

A push is judged as a whole: one ref that may not change refuses all that came with it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from attrs import frozen

from bottle.domain.addresses import covers, kind_of
from bottle.domain.hosts import Authority, IPAddress, address_of, bracketed
from bottle.domain.manifest import PushRules, Remote

GATE = Authority("git-gate", 9418)
"""Where the agent finds the gate, on every backend."""

LOCAL = "local"
"""The upstream of a remote whose result stays on this host (`bottle export`)."""

_URL = re.compile(r"(?P<kind>ssh|https)://(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:\[\]]+)(?::(?P<port>[0-9]{1,5}))?/(?P<path>.+)\Z")  # fmt: skip # noqa: E501
_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>[^@/:\s]+):(?P<path>[^:\s]\S*)\Z")
_PORTS = {"ssh": 22, "https": 443, "local": 0}
_USER = "git"

_HEADS = "refs/heads/"
_TAGS = "refs/tags/"
_NO_REF = re.compile(r"[\s~^:?*\[\\\x00-\x20\x7f]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)|[/.]\Z|/-")
_OBJECT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_LONGEST_REF = 255

UpstreamKind = Literal["ssh", "https", "local"]


@frozen
class Upstream:
    """One repository outside. `path` is as the other side gets it; `host` and `port` are where it is dialled."""

    kind: UpstreamKind
    host: str = ""
    port: int = 0
    user: str = ""
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "Upstream":
        """From a manifest's `Upstream`. Raises ValueError for anything but SSH, HTTPS and `local`."""
        if text == LOCAL:
            return cls("local")
        match = _URL.match(text)
        if match is not None:
            kind: UpstreamKind = "ssh" if match["kind"] == "ssh" else "https"
            port = int(match["port"] or _PORTS[kind])
            if not 0 < port < 1 << 16:
                raise ValueError("no such port")
            return cls(kind, match["host"].strip("[]"), port, match["user"] or "", _absolute(match["path"]))
        match = _SCP.match(text)
        if match is None or "://" in text:
            raise ValueError("no upstream over SSH or HTTPS")
        return cls("ssh", match["host"], _PORTS["ssh"], match["user"] or "", match["path"])

    @property
    def login(self) -> str:
        """The user at the other side."""
        return self.user or _USER

    @property
    def name(self) -> str:
        """The repository's path without what may be left out: slashes around it, and `.git`."""
        return self.path.strip("/").removesuffix(".git")


def served_path(host: str, remote: Remote) -> str:
    """The path at which the gate serves a remote; `.git` may follow. `host` is its key in the manifest."""
    upstream = Upstream.parse(remote.upstream)
    return f"/{host}/{upstream.name}".rstrip("/")


def rewrites(host: str, remote: Remote) -> Iterator[tuple[str, str]]:
    """What the agent's git must turn into what, as (`url.<base>`, `insteadOf`): every spelling of the upstream's URL.

    git replaces the longest beginning that fits, so `.git` and what else follows stays. Other repositories of an SSH
    host are turned to the gate too: nothing else would answer, and the gate says what is amiss.
    """
    upstream, gate = Upstream.parse(remote.upstream), f"http://{GATE}"
    base = gate + served_path(host, remote)
    if upstream.kind == "local":
        yield base, f"bottle:{host}"
        return
    for place in dict.fromkeys((host, upstream.host)):
        for spelling in _spellings(upstream, place, upstream.name):
            yield base, spelling
        if upstream.kind == "ssh":
            for spelling in _ssh_spellings(upstream, place, ""):
                yield f"{gate}/{host}/", spelling


def _spellings(upstream: Upstream, host: str, path: str) -> Iterator[str]:
    yield from _ssh_spellings(upstream, host, path)
    for scheme, port in (("https", 443), ("http", 80), ("git", 9418)):
        ports = {port, upstream.port} if scheme == upstream.kind else {port}
        for place in _places(host, port, ports):
            yield f"{scheme}://{place}/{path}"


def _ssh_spellings(upstream: Upstream, host: str, path: str) -> Iterator[str]:
    ports = {22, upstream.port} if upstream.kind == "ssh" else {22}
    for user in dict.fromkeys((f"{upstream.user}@" if upstream.user else "", f"{_USER}@", "")):
        for scheme in ("ssh", "git+ssh"):
            for place in _places(host, 22, ports):
                yield f"{scheme}://{user}{place}/{path}"
        yield f"{user}{bracketed(host)}:{path}"
        yield f"{user}{bracketed(host)}:/{path}"


def _places(host: str, usual: int, ports: Iterable[int]) -> Iterator[str]:
    yield from (f"{bracketed(host)}:{port}" for port in sorted(ports))
    if usual in ports:
        yield bracketed(host)


def _absolute(path: str) -> str:
    """As git reads the path of a URL: absolute, but for somebody's home (git-clone(1), `ssh://host/~user/`)."""
    return path if path.startswith("~") else f"/{path}"


@frozen
class Verdict:
    """Whether something may pass, by which rule, and why. The empty verdict refuses."""

    allowed: bool = False
    rule: str = "default"
    reason: str = ""


ALLOWED = Verdict(allowed=True, rule="allowed")


def decide_address(remote: Remote, address: IPAddress) -> Verdict:
    """Whether an upstream may be dialled at this address. An address that the manifest itself spells out may; one that
    a name leads to must be public, or be listed in `ssrf_ip_allowlist`."""
    kind = kind_of(address)
    literal = address_of(Upstream.parse(remote.upstream).host)
    if kind is None or literal == address or covers(remote.private_ips, address):
        return ALLOWED
    reason = f"{address} is a {kind} address; `ssrf_ip_allowlist` of the remote can list it"
    return Verdict(rule="upstream.private", reason=reason)


@frozen
class RefUpdate:
    """One line of a push: a ref and what it is to change from and to, as object names in hexadecimal."""

    old: str
    new: str
    ref: str

    @classmethod
    def parse(cls, line: str) -> "RefUpdate":
        """From `<old> <new> <ref>` (githooks(5), pre-receive). Raises ValueError."""
        old, _, rest = line.partition(" ")
        new, _, ref = rest.partition(" ")
        if _OBJECT.match(old) is None or _OBJECT.match(new) is None or not ref or len(old) != len(new):
            raise ValueError("no update of a ref")
        return cls(old, new, ref)

    @property
    def creates(self) -> bool:
        return not self.old.strip("0")

    @property
    def deletes(self) -> bool:
        return not self.new.strip("0")


@frozen
class Change:
    """An update with what only the repository knows: whether it drops commits, and what kind of object it points to."""

    update: RefUpdate
    rewrites: bool = False
    kind: str = ""


def decide_change(rules: PushRules, change: Change) -> Verdict:
    """Whether the upstream's owner lets a ref change so."""
    update = change.update
    if not is_plain_ref(update.ref):
        return Verdict(rule="ref.name", reason="a ref's name is odd")
    verdict = _decide_name(rules, update.ref)
    if not verdict.allowed:
        return verdict
    if update.deletes:
        return ALLOWED if rules.delete else Verdict(rule="push.delete", reason="nothing may be deleted upstream")
    if change.rewrites and not rules.force:
        return Verdict(rule="push.force", reason="history may not be rewritten upstream; pull first, or push elsewhere")
    if update.ref.startswith(_HEADS) and change.kind != "commit":
        return Verdict(rule="ref.object", reason="a branch points to a commit")
    return ALLOWED


def _decide_name(rules: PushRules, ref: str) -> Verdict:
    if ref.startswith(_HEADS):
        branch = ref.removeprefix(_HEADS)
        if not rules.branches or any(glob_matches(glob, branch) for glob in rules.branches):
            return ALLOWED
        return Verdict(rule="push.branches", reason=f"allowed branches: {' '.join(rules.branches)}")
    if ref.startswith(_TAGS):
        tag = ref.removeprefix(_TAGS)
        if any(glob_matches(glob, tag) for glob in rules.tags):
            return ALLOWED
        listed = f"allowed tags: {' '.join(rules.tags)}" if rules.tags else "no tag may be pushed"
        return Verdict(rule="push.tags", reason=listed)
    return Verdict(rule="ref.kind", reason="only branches and listed tags may be pushed")


def is_plain_ref(ref: str) -> bool:
    """Whether a ref has a name that means the same to everybody (git-check-ref-format(1), and stricter)."""
    leaf = ref.rpartition("/")[2]
    return (
        len(ref) <= _LONGEST_REF
        and ref.startswith("refs/")
        and ref.isprintable()
        and _NO_REF.search(ref) is None
        and leaf != "HEAD"
        and leaf != "@"
        and _OBJECT.match(leaf) is None
    )


def glob_matches(glob: str, name: str) -> bool:
    """`*` is anything within one level, `**` anything at all, `?` one character of a level."""
    parts = re.split(r"(\*\*|\*|\?)", glob)
    meaning = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.fullmatch("".join(meaning.get(part) or re.escape(part) for part in parts), name) is not None
