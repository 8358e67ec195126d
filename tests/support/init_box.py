"""The real first process in a real box of namespaces, without the rest of a backend; and its protocol, byte by byte."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from bottle.adapters.bubblewrap import commands
from bottle.app.ports import ExecResult
from tests.support.requirements import require

ROOT = Path(__file__).parents[2]
PYTHON = os.path.realpath(sys.executable)
PORT = 8888
START = f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from sidecars.init.main import main; main()"
NAMESPACES = ["--unshare-all", "--as-pid-1", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
USER = ["--uid", "1000", "--gid", "1000"]
PLACES = ["--ro-bind", "/", "/", "--tmpfs", "/tmp", "--tmpfs", "/home", "--dir", "/home/node"]
PROGRAMS = ["--ro-bind", sys.base_prefix, sys.base_prefix, "--ro-bind", str(ROOT), str(ROOT)]
DEVICES = ["--proc", "/proc", "--dev", "/dev"]
ENVIRONMENT = {"PATH": f"{Path(PYTHON).parent}:/usr/bin:/bin", "HOME": "/home/node"}


@frozen
class Box:
    """`pid` is that of the first process as the host sees it; `door` accepts the box's own connections."""

    path: Path
    process: "subprocess.Popen[bytes]"
    pid: int
    door: socket.socket

    def run(self, *argv: str, stdin: bytes = b"", timeout: float = 30) -> ExecResult:
        return commands.run(self.path, argv, stdin=stdin, timeout=timeout)

    def sh(self, script: str) -> str:
        """What the script prints; both outputs are shown when it fails."""
        done = self.run("sh", "-c", script)
        assert done.status == 0, done
        return done.stdout.decode()

    def python(self, script: str) -> str:
        """What the script prints, as a program of the agent's."""
        done = self.run(PYTHON, "-c", script)
        assert done.status == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def lives(self) -> bool:
        return self.sh("echo on") == "on\n"

    def ask(self, request: object, descriptors: Sequence[int] = ()) -> "Raw":
        return Raw(self.path).send(json.dumps(request).encode(), descriptors)

    def ended(self, pattern: str, seconds: float = 60) -> bool:
        """Whether no process inside whose command line matches is left, soon."""
        deadline = time.monotonic() + seconds
        while self.run("pgrep", "-f", f"[{pattern[0]}]{pattern[1:]}").status == 0:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


class Raw:
    """A client that says whatever a test wants."""

    def __init__(self, path: Path) -> None:
        self.link = socket.socket(socket.AF_UNIX)  # connects without a timeout, for with one it waits in no line
        self.link.connect(str(path))
        self.link.settimeout(20)

    def send(self, content: bytes, descriptors: Sequence[int] = ()) -> "Raw":
        socket.send_fds(self.link, [len(content).to_bytes(4, "big") + content], descriptors)
        return self

    def hear(self) -> dict[str, object] | None:
        """The next answer, None at the end of the connection."""
        head = self._exactly(4)
        if head is None:
            return None
        content = self._exactly(int.from_bytes(head, "big"))
        assert content is not None
        answer = json.loads(content)
        assert isinstance(answer, dict)
        return answer

    def close(self) -> None:
        self.link.close()

    def __del__(self) -> None:
        self.link.close()

    def _exactly(self, count: int) -> bytes | None:
        content = b""
        while len(content) < count:
            try:
                data = self.link.recv(count - len(content))
            except ConnectionResetError:
                return None
            if not data:
                return None
            content += data
        return content


@contextlib.contextmanager
def init_box(directory: Path, *extra: str) -> Iterator[Box]:
    """A box with one door, ended afterwards; `extra` is told to bwrap."""
    require("bwrap")
    path = directory / "box"
    outside, inside = socket.socketpair()
    with socket.socket(socket.AF_UNIX) as listener, outside, inside:
        listener.bind(str(path))
        listener.listen(128)
        config = {
            "commands": listener.fileno(),
            "doors": [{"port": PORT, "fd": inside.fileno()}],
            "directory": "/home/node",
            "processes": 512,
        }
        info, told = os.pipe()
        process = subprocess.Popen(
            [
                *("bwrap", *NAMESPACES, *USER, *PLACES, *PROGRAMS, *DEVICES, *extra, "--info-fd", str(told)),
                *(PYTHON, "-I", "-S", "-c", START, json.dumps(config)),
            ],
            pass_fds=[listener.fileno(), inside.fileno(), told],
            stdin=subprocess.PIPE,
        )
        os.close(told)
        inside.close()  # from here on the box alone holds it, so that its end would be noticed
        _, doors, _, _ = socket.recv_fds(outside, 1, 1)
    with os.fdopen(info) as text, socket.socket(fileno=doors[0]) as door:
        box = Box(path, process, json.load(text)["child-pid"], door)
        commands.set_environment(path, ENVIRONMENT)
        try:
            yield box
        finally:
            process.kill()
            process.communicate(timeout=60)
