"""What is put into a box before it starts: files and directories with owners and modes, and copies of host trees."""

from collections.abc import Mapping

from attrs import field, frozen

GUEST_HOME = "/home/node"
GUEST_WORKSPACE = f"{GUEST_HOME}/workspace"
PROMPT_FILE = f"{GUEST_HOME}/.bot-bottle-prompt.txt"
CA_FILE = "/usr/local/share/ca-certificates/bot-bottle.crt"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

JAVA_STORE = "/etc/ssl/certs/java/cacerts"
"""The roots as Javas read them; Debian's look there by themselves."""


@frozen
class Owner:
    """A numeric user and group inside the box."""

    uid: int
    gid: int


ROOT = Owner(0, 0)
NODE = Owner(1000, 1000)
"""The agent's user; every agent image has it (images/)."""


@frozen
class GuestDirectory:
    """A directory at an absolute guest path; parents are made with the same owner."""

    path: str
    mode: int = 0o700
    owner: Owner = NODE


@frozen
class GuestFile:
    """A file at an absolute guest path. `content` never holds a secret: secrets do not enter the box."""

    path: str
    content: bytes = field(repr=False)
    mode: int = 0o600
    owner: Owner = NODE


@frozen
class HostTree:
    """A directory of the host that is copied in: links kept but not followed, sockets and devices left out.

    `entries` are the relative paths that go in, sorted (None: all there are); the folders above them come along.
    `replaced` has the content of files that do not go in as they are; it never holds a secret. `size` in bytes, 0 where
    nobody counted.
    """

    host_path: str
    guest_path: str
    owner: Owner = NODE
    entries: tuple[str, ...] | None = field(default=None, repr=False)
    replaced: Mapping[str, bytes] = field(factory=dict, repr=False)
    size: int = 0


@frozen
class Check:
    """A command that must succeed inside the furnished box; `error` says what it means when it does not."""

    argv: tuple[str, ...]
    error: str
