"""What bwrap is told: the namespaces, the read-only system, and what a sandbox sees beside it, as argument lists."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ALONE = (
    *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--disable-userns", "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"),
    *("--cap-drop", "ALL"),
)
"""Namespaces of its own, from which no other can be made; no terminal of the host's; gone with whoever started it."""

NO_NETWORK = ("--unshare-net",)

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")

# Of the host's /etc only what programs need to run and what tells nothing of the host or its user.
_ETC = (
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "os-release"),
    *("services", "protocols", "mime.types", "terminfo", "inputrc", "magic", "fonts", "xattr.conf", "debian_version"),
    *("perl", "python3", "crypto-policies", "ssl/openssl.cnf", "pki/tls/openssl.cnf"),
    *("maven/m2.conf", "maven/logging"),  # not its settings, which hold passwords
)

# What a sandbox's own /proc still tells of the whole host: the names of its user's keys, and when devices are busy.
_HIDDEN = ("interrupts", "kcore", "key-users", "keys", "latency_stats", "sched_debug", "timer_list")


def system() -> list[str]:
    """The host's programs and libraries, read-only."""
    arguments: list[str] = []
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            arguments += ["--ro-bind", name, name]
    for name in (*_ETC, *_java()):
        arguments += _bind_etc(name)
    return arguments


def processes() -> list[str]:
    """A /proc of the sandbox's own processes."""
    hidden = (path for name in _HIDDEN if (path := Path("/proc") / name).exists())
    return ["--proc", "/proc", *binds(("/dev/null", str(path)) for path in hidden)]


def binds(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Paths of the host's, read-only."""
    return [word for source, target in pairs for word in ("--ro-bind", source, target)]


def contents(files: Mapping[str, int]) -> list[str]:
    """Read-only files whose content is read from descriptors."""
    return [
        word
        for path, descriptor in files.items()
        for word in ("--perms", "0644", "--ro-bind-data", str(descriptor), path)
    ]


def links(targets: Mapping[str, str]) -> list[str]:
    """Symbolic links, by their path."""
    return [word for path, target in targets.items() for word in ("--symlink", target, path)]


def covered(folders: Iterable[str]) -> list[str]:
    """Empty read-only directories in place of these."""
    return [word for folder in folders for word in ("--tmpfs", folder, "--remount-ro", folder)]


def directories(paths: Iterable[str]) -> list[str]:
    """Directories that everybody may look into, parents first: what bwrap makes by itself is the user's alone."""
    return [word for path in paths for word in ("--perms", "0755", "--dir", path)]


def scratch(path: str, size: int, mode: int) -> list[str]:
    """An empty directory in memory that may grow to so many bytes."""
    return ["--perms", f"{mode:04o}", "--size", str(size), "--tmpfs", path]


def variables(values: Mapping[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in ("--setenv", name, value)]


def packed(arguments: Sequence[str]) -> bytes:
    """As `--args` reads them: a process list shows nothing of them."""
    return b"".join(argument.encode() + b"\0" for argument in arguments)


def _bind_etc(name: str) -> list[str]:
    path = Path("/etc") / name
    if not path.exists():
        return []
    # A link out of /etc (to zone files, to alternatives) is followed here: its target need not exist in there.
    return ["--ro-bind", str(path.resolve()), str(path)]


def _java() -> list[str]:
    """Debian keeps each Java's settings in /etc; its trust store is ours to make."""
    return [path.name for path in Path("/etc").glob("java-*-openjdk")]
