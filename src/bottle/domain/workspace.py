"""What of a working tree goes into a box, and what of it stays on the host: by path, and by key of git's settings."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase, translate
from typing import Final

from attrs import frozen

from bottle.domain.provision import HostTree

_SECRET_NAMES: Final = (
    *(".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".pypirc", ".pgpass", ".htpasswd", ".git-credentials"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore"),
    *("*.kdbx", "*.tfstate", "*.tfstate.backup", "*.tfvars", "credentials.json", "service-account*.json"),
    ".vault-token",
)
_SECRET_NAME: Final = re.compile("|".join(map(translate, _SECRET_NAMES)))
_SECRET_FOLDERS: Final = frozenset({".aws", ".azure", ".docker", ".gnupg", ".kube", ".ssh"})
_EXAMPLES: Final = ("*.example", "*.sample", "*.template", "*.dist", "*.defaults")
"""A file that shows the form of a secret one."""

_URL_LOGIN: Final = re.compile(r"(?i)\b(https?://)[^/@\s]*@")
_SECRET_KEYS: Final = re.compile(
    r"(?i)^credential\.|^include|\.extraheader$|password|passwd|token|secret|\.cookiefile$"
)
_HOST_KEYS: Final = re.compile(r"(?i)^core\.(sshcommand|askpass|fsmonitor|hookspath)$|^gpg\.|^user\.signingkey$")
"""Settings that call on programs or places of the host, which a box does not have."""
_GIT_LEFT: Final = ("*.lock", "worktrees", "worktrees/*", "credentials*", "fsmonitor--daemon*")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9.-]+\Z")


@frozen
class Workspace:
    """A working tree as it goes in. `notes` say what was left out and what a person should know."""

    tree: HostTree
    notes: tuple[str, ...] = ()
    commit: str = ""
    """What is checked out, where the tree is a repository's top."""


def looks_secret(path: str) -> bool:
    """Whether a file of this (relative) path usually holds a credential."""
    *folders, name = path.lower().split("/")
    if not _SECRET_FOLDERS.isdisjoint(folders):
        return True
    return _SECRET_NAME.match(name) is not None and not _is_any(name, _EXAMPLES)


def is_asked_for(path: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern names the path, a folder above it, or the name of either: `node_modules`, `docs/*.pdf`."""
    parts = path.split("/")
    heads = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    return any(fnmatchcase(candidate, pattern.rstrip("/")) for pattern in patterns for candidate in (*heads, *parts))


def is_left_in_git(path: str) -> bool:
    """Whether a file below `.git` means something to this host alone."""
    return _is_any(path, _GIT_LEFT) or path.endswith(".lock")


def is_git_settings(path: str) -> bool:
    """Whether the path is that of a repository's settings, a submodule's included."""
    *folders, name = path.split("/")
    return ".git" in folders and name in ("config", "config.worktree")


def without_credentials(settings: Iterable[tuple[str, str | None]]) -> str:
    """A git configuration file (git-config(1)) from its keys and values, with nothing in it that opens anything: no
    login in a URL, no header, helper or cookie, and none of what names the host's own programs."""
    lines: list[str] = []
    for key, value in settings:
        section, subsection, name = _split(key)
        if _is_withheld(key, value or "") or not _PLAIN_NAME.match(f"{section}{name}"):
            continue
        header = f"[{section}]" if subsection is None else f"[{section} {_quoted(_anonymous(subsection))}]"
        lines += [header, f"\t{name}" if value is None else f"\t{name} = {_quoted(_anonymous(value))}"]
    return "".join(f"{line}\n" for line in lines)


def _is_withheld(key: str, value: str) -> bool:
    """A submodule names its worktree by a relative path, which is the same in the box."""
    elsewhere = key == "core.worktree" and value.startswith("/")
    return elsewhere or bool(_SECRET_KEYS.search(key) or _HOST_KEYS.search(key))


def _anonymous(text: str) -> str:
    return _URL_LOGIN.sub(r"\1", text)


def _split(key: str) -> tuple[str, str | None, str]:
    """`section.name` or `section.any.thing.name`, as `git config --list` writes keys."""
    section, _, rest = key.partition(".")
    subsection, dot, name = rest.rpartition(".")
    return section, subsection if dot else None, name


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _is_any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
