"""A host with agent programs on it, below a directory: layouts of installers, and secrets that must stay unseen."""

import json
import struct
from pathlib import Path

from bottle.adapters.bubblewrap import elf
from bottle.adapters.bubblewrap.tools import GUEST_TOOLS, SYSTEM, Host, Tool, find

LOADER = elf.loader(Path("/bin/sh").resolve())
"""What this machine's own programs name."""

SECRETS = (".ssh/id", ".npmrc", ".claude/.credentials.json", ".local/share/keyrings/login", ".codex/auth.json", ".env")
"""In the home; no bind may show one of them."""


def program(path: Path, *, loader: str | None = None) -> Path:
    """A native program's first bytes, which name a loader when it is linked dynamically."""
    name = loader.encode() + b"\0" if loader else b""
    segments = [struct.pack("<II6Q", 1, 5, 0, 0, 0, 64, 64, 4096)]
    segments += [struct.pack("<II6Q", 3, 4, 64 + 2 * 56, 0, 0, len(name), len(name), 1)] if name else []
    header = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    )
    return placed(path, (header + b"".join(segments)).ljust(64 + 2 * 56, b"\0") + name)


def script(path: Path, first: str) -> Path:
    return placed(path, f"{first}\nconsole.log(1)\n".encode())


def placed(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def package(modules: Path, name: str, *, version: str = "1.2.3", **manifest: object) -> Path:
    folder = modules / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps({"name": name, "version": version, **manifest}))
    return folder


class Tree:
    """A host below a directory: `usr` and the real loaders are what boxes see, `home` holds secrets."""

    def __init__(self, root: Path) -> None:
        self.root, self.usr, self.home = root, root / "usr", root / "home/me"
        for name in SECRETS:
            placed(self.home / name, b"secret")

    def find(self, name: str, *path: Path) -> tuple[Tool | None, list[tuple[str, str]]]:
        host = Host(":".join(map(str, path)), (self.usr, *SYSTEM))
        tool, refused = find(name, host)
        if tool is not None:
            self._shows_no_secret(tool)
        return tool, [(each.path, each.reason) for each in refused]

    def _shows_no_secret(self, tool: Tool) -> None:
        for source, target in tool.binds:
            assert Path(source).exists()
            assert target.startswith(f"{GUEST_TOOLS}/")
            assert not any((self.home / secret).is_relative_to(source) for secret in SECRETS)
