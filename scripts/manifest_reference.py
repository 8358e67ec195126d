"""Fills the tables of docs/manifest.md: its keys as the loader knows them, its refusals as the loader says them.

`make reference` writes the page; what stands between the marks `<!-- keys: ... -->` or `<!-- refused: ... -->` and
`<!-- end -->` is made here, all else is the page's own.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from bottle.adapters.manifests.frontmatter import parse
from bottle.adapters.manifests.keys import Section
from bottle.adapters.manifests.keys.bottle import AGENT, BOTTLE
from bottle.adapters.manifests.structure import agent_from, bottle_from
from bottle.domain.errors import ManifestError
from bottle.domain.manifest import Agent, Bottle

PAGE = Path(__file__).resolve().parents[1] / "docs" / "manifest.md"
SECTIONS: Mapping[str, Section] = {
    section.path: section for whole in (BOTTLE, AGENT) for section in whole.below() if section is not whole
} | {"bottle": BOTTLE, "agent": AGENT}


@frozen
class Frame:
    """A whole frontmatter with a gap (`<entry>`) for one entry, and what has to stand beside it, as keys and values."""

    text: str
    beside: Mapping[str, str] = {}

    def around(self, entry: str) -> str:
        said = (f"{key}: {value}" for key, value in self.beside.items() if not entry.startswith(f"{key}: "))
        return self.text.replace("<entry>", ", ".join([*said, entry]))


_UPSTREAM = {"Upstream": "'ssh://git@git.example.org/team/project.git'"}
_FORGE = {"provider": "gitea", "url": "'https://git.example.org'", "token_ref": "GITEA_TOKEN"}
_RULE = {"name": "acme-token", "pattern": "'acme_[a-z]+'"}
_REMOTE = f"git: {{remotes: {{git.example.org: {{Upstream: {_UPSTREAM['Upstream']}, %s: {{<entry>}}}}}}}}"

FRAMES: Mapping[str, Frame] = {
    "bottle": Frame("<entry>"),
    "agent_provider": Frame("agent_provider: {<entry>}", {"template": "claude"}),
    "env": Frame("env: {<entry>}"),
    "resources": Frame("resources: {<entry>}"),
    "git": Frame("git: {<entry>}"),
    "git.user": Frame("git: {user: {<entry>}}"),
    "git.remotes.<host>": Frame("git: {remotes: {git.example.org: {<entry>}}}", _UPSTREAM),
    "git.remotes.<host>.push": Frame(_REMOTE % "push"),
    "git.remotes.<host>.deploy_key": Frame(_REMOTE % "deploy_key", _FORGE),
    "egress": Frame("egress: {<entry>}", {"routes": "[]"}),
    "egress.routes[]": Frame("egress: {routes: [{<entry>}]}", {"host": "api.example.com"}),
    "egress.routes[].auth": Frame(
        "egress: {routes: [{host: api.example.com, auth: {<entry>}}]}", {"token_ref": "API_TOKEN"}
    ),
    "egress.routes[].pipelock": Frame("egress: {routes: [{host: api.example.com, pipelock: {<entry>}}]}"),
    "egress.dlp": Frame("egress: {routes: [], dlp: {<entry>}}"),
    "egress.dlp.rules[]": Frame("egress: {routes: [], dlp: {rules: [{<entry>}]}}", _RULE),
    "egress.dlp.silence[]": Frame("egress: {routes: [], dlp: {silence: [{<entry>}]}}", {"rule": "kingfisher.aws.2"}),
    "agent": Frame("<entry>", {"bottle": "claude"}),
    "agent's git": Frame("bottle: claude, git: {<entry>}"),
}

REFUSED: Mapping[str, tuple[str, ...]] = {
    "bottle": ("supervize: true", "supervise: yes", "backend: podman", "skills: [web]"),
    "agent_provider": ("forward_host_credentials: true", "dockerfile: ./Dockerfile", "auth_token: sk_live_0123456789"),
    "resources": ("memory: 4", "memory: 4GB", "pids: 4"),
    "env": ("PORT: [80]", 'A: "${"', "1A: x"),
    "git.remotes.<host>": (
        'Upstream: "https://sam:secret@git.example.org/team/project.git"',
        "Upstream: file:///srv/project.git",
        "token_ref: FORGE_TOKEN",
        "IdentityFile: id_ed25519",
        "KnownHostKey: AAAA",
    ),
    "git.remotes.<host>.push": ("branches: []", "branches: [refs/heads/main]", "allow: [all]"),
    "egress.routes[]": (
        "host: https://api.example.com/v1",
        'host: "*.github.io"',
        "ports: [80]",
        "methods: [get]",
        "methods: []",
        "path_allowlist: [/v1/*]",
        "path_allowlist: [/v1/../v2]",
        "scheme: http, auth: {token_ref: API_TOKEN}",
        "connect_to: 10.0.0.7",
        "scan: false, pipelock: {tls_passthrough: false}",
        "role: npm-registry",
    ),
    "egress.routes[].auth": ("header: Host", "token_ref: ghp_0123456789"),
    "egress.routes[].pipelock": ("ssrf_ip_allowlist: [10.0.0.7/24]", 'ssrf_ip_allowlist: ["0.0.0.0/0"]'),
    "egress.dlp": ("rules: [{name: a, pattern: x}, {name: a, pattern: z}]", "approved: [all]"),
    "agent": ("egress: {routes: []}", "skills: [../web]"),
    "agent's git": ("remotes: {}",),
}
"""Entries that are refused, by the section where they stand."""

_MARKED = re.compile(r"(<!-- (keys|refused): (.+?) -->\n).*?(<!-- end -->\n)", re.DOTALL)
_PLACE = re.compile(r"^\S+?:\d+:\d+: (?:[^ ]+: )?")


def rendered(page: str) -> str:
    """The page with its tables made anew. Raises KeyError for a mark that names no section."""
    described = {name for kind, name in marks(page) if kind == "keys"}

    def filled(mark: re.Match[str]) -> str:
        lines = key_table(SECTIONS[mark[3]], described) if mark[2] == "keys" else refused_table(mark[3].split(", "))
        return "\n".join([mark[1].rstrip(), "", *lines, "", mark[4]])

    return _MARKED.sub(filled, page)


def marks(page: str) -> list[tuple[str, str]]:
    """The kinds and names of the page's marks, in order."""
    return [(mark[2], mark[3]) for mark in _MARKED.finditer(page)]


def key_table(section: Section, described: set[str]) -> Iterator[str]:
    """The section's keys; those of sections without a table of their own stand below the key that holds them."""
    yield "| key | value | | not said |"
    yield "|---|---|---|---|"
    yield from _key_rows(section, "", described)


def _key_rows(section: Section, prefix: str, described: set[str]) -> Iterator[str]:
    for key in section.keys:
        yield f"| `{prefix}{key.name}` | {key.kind} | {key.means} | {key.unsaid} |"
        if key.section is not None and key.section.path not in described:
            yield from _key_rows(key.section, f"{prefix}{key.name}{'[]' if 'list' in key.kind else ''}.", described)


def refused_table(sections: list[str]) -> Iterator[str]:
    """What is refused in the sections, with the loader's own words and its hint."""
    yield "| refused | because | hint |"
    yield "|---|---|---|"
    for section in sections:
        for entry in REFUSED[section]:
            because, hint = refusal(section, entry)
            yield f"| `{_cell(entry)}` | {_cell(because)} | {_cell(hint)} |"


def refusal(section: str, entry: str) -> tuple[str, str]:
    """What the loader says to an entry of a section, without its place, and the hint. Raises LookupError if nothing."""
    try:
        load(section, entry)
    except ManifestError as error:
        return _PLACE.sub("", str(error)), error.hint or ""
    raise LookupError(f"{section}: `{entry}` is not refused")


def load(section: str, entry: str) -> Bottle | Agent:
    """The bottle or agent that has the entry in a section, and what must stand beside it. Raises ManifestError."""
    root = parse(f"---\n{{{FRAMES[section].around(entry)}}}\n---\n", "x.md").root
    return agent_from(root, "helper", "") if section in {"agent", "agent's git"} else bottle_from(root, "dev")


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def main() -> None:
    PAGE.write_text(rendered(PAGE.read_text()))
    print(PAGE)


if __name__ == "__main__":
    main()
