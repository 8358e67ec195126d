"""The smallest box: bwrap with the product's own namespaces and system, and whatever a test adds."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from bottle.adapters.bubblewrap import sandbox
from bottle.adapters.bubblewrap.descriptors import Descriptors
from tests.support.requirements import require

HOME = "/home/node"
PATH = "/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@frozen
class BareBox:
    """Each `run` is a new box. `seccomp` is its filter; `files` and `links` are put into it; `binds` show host's."""

    seccomp: bytes | None = None
    files: Mapping[str, bytes] = {}
    links: Mapping[str, str] = {}
    binds: tuple[tuple[Path, str], ...] = ()
    network: bool = False
    environment: Mapping[str, str] = {}

    def run(self, *argv: str, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        require("bwrap")
        with Descriptors() as held:
            return subprocess.run(
                ["bwrap", *self._arguments(held), "--", *argv],
                pass_fds=held.all,
                capture_output=True,
                text=True,
                timeout=seconds,
                stdin=subprocess.DEVNULL,
                check=False,
            )

    def _arguments(self, held: Descriptors) -> Sequence[str]:
        filtered = ["--seccomp", str(held.content("filter", self.seccomp))] if self.seccomp is not None else []
        contents = {path: held.content("file", content) for path, content in self.files.items()}
        return [
            *sandbox.ALONE,
            *(() if self.network else sandbox.NO_NETWORK),
            *("--uid", "1000", "--gid", "1000", *filtered, *sandbox.system()),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", HOME, "--chdir", HOME),
            *sandbox.contents(contents),
            *(word for path, target in self.links.items() for word in ("--symlink", target, path)),
            *sandbox.binds((str(source), target) for source, target in self.binds),
            *sandbox.variables({"PATH": PATH, "HOME": HOME, "LANG": "C.UTF-8", **self.environment}),
        ]
