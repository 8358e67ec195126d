"""An engine of a test's own, which may be killed, beside the machine's: neither sees anything of the other's."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import docker
from attrs import define

from tests.faults.conftest import ENOUGH
from tests.support import bottles
from tests.support.boxes import is_alive, wait_until

BOX: Final = "bot-bottle-test-restarted"
_RECIPE: Final = """\
FROM {box} AS tools
FROM {sidecar}
COPY --from=tools /usr/bin/curl /usr/bin/
COPY --from=tools /usr/lib/*-linux-gnu/libcurl.so.4 /usr/lib/
USER root
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid 1000 --create-home node
ENTRYPOINT []
USER node
"""
"""A box on top of the sidecar's image: a base of its own would take longer to copy than all else takes."""


@define
class Engine:
    """A `dockerd` in network and mount namespaces of its own: in the machine's it would take the other's bridge."""

    root: Path
    _holder: "subprocess.Popen[bytes]"
    """Keeps the namespaces, with the networks in them, while no engine runs."""
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"unix://{self.root}/docker.sock"

    def start(self) -> None:
        """Until it answers."""
        where = [f"--{name}={self.root / name}" for name in ("data-root", "exec-root", "pidfile")]
        words = ["dockerd", f"--config-file={self.root}/config.json", f"--host={self.address}", *where]
        with (self.root / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._within, *words, f"--cgroup-parent=/{self._group}"], stdout=log, stderr=log
            )
        wait_until(self._answers, ENOUGH, f"no engine answers: {self.root}/log")

    def end(self, number: signal.Signals) -> None:
        """With what it has started for all of its containers: one that begins meanwhile would rely on that."""
        assert self._process is not None
        number_of_helper = self.root / "exec-root/containerd/containerd.pid"
        helper = int(number_of_helper.read_text())
        self._process.send_signal(number)
        self._process.wait(ENOUGH)
        wait_until(lambda: not is_alive(helper), ENOUGH, "containerd goes on")
        number_of_helper.unlink(missing_ok=True)  # until its corpse is taken away it counts as alive

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=self.address)

    def holds(self) -> Sequence[str]:
        """All that is in it, but for images and its own networks."""
        with closing(self.client()) as client:
            networks = {str(network.name) for network in client.networks.list()} - {"bridge", "host", "none"}
            containers = {str(container.name) for container in client.containers.list(all=True)}
            return [*containers, *networks, *(str(volume.name) for volume in client.volumes.list())]

    def traces(self) -> Sequence[str]:
        """All that its containers consist of on this host, but for what is in it: rules of the firewall, devices of the
        network, mounts, control groups, directories, and processes that watch over others."""
        rules = [line for line in self._said("iptables-save").splitlines() if line.startswith("-A")]
        devices = [line.split(":")[1].strip() for line in self._said("ip", "-o", "link").splitlines()]
        there = Path(f"/proc/{self._holder.pid}")
        mounts = (there / "mounts").read_text().splitlines()
        groups = [str(path) for top in self._groups() for path in top.iterdir() if path.is_dir()]
        data = there / f"root{self.root}/data-root"
        folders = [str(path) for name in ("containers", "volumes") for path in (data / name).iterdir()]
        return sorted([*rules, *devices, *mounts, *groups, *folders, *self._processes()])

    @property
    def _group(self) -> str:
        return f"bot-bottle-test-{self._holder.pid}"

    @property
    def _within(self) -> Sequence[str]:
        return ["nsenter", "-t", str(self._holder.pid), "-n", "-m", "--"]

    def _said(self, *words: str) -> str:
        return subprocess.run([*self._within, *words], check=True, capture_output=True, text=True).stdout

    def _groups(self) -> Sequence[Path]:
        """Its part of each hierarchy of control groups."""
        return [path for pattern in (self._group, f"*/{self._group}") for path in Path("/sys/fs/cgroup").glob(pattern)]

    def _processes(self) -> Iterator[str]:
        """The engine's own, and those that watch over containers: their command lines name its directories."""
        mark = os.fsencode(self.root)
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                line = (process / "cmdline").read_bytes()
                if mark in line:
                    yield f"{process.name} {line.split(bytes(1))[0].decode()}"

    def forget(self) -> None:
        """What the kernel keeps of an engine that has ended."""
        for path in self._groups():
            path.rmdir()

    def furnish(self) -> None:
        """Gives it the real sidecar's image, and a box, from the machine's engine."""
        box, sidecar = bottles.images_for_tests()
        recipe = _RECIPE.format(box=box.tag, sidecar=sidecar.tag).encode()
        subprocess.run(["docker", "build", "--quiet", "--tag", BOX, "-"], input=recipe, check=True, capture_output=True)
        with subprocess.Popen(["docker", "save", sidecar.tag, BOX], stdout=subprocess.PIPE) as saved:
            subprocess.run(
                ["docker", "--host", self.address, "load"], stdin=saved.stdout, check=True, capture_output=True
            )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.root / "log").read_text()[-2000:]
        try:
            with socket.socket(socket.AF_UNIX) as knocking:
                knocking.connect(f"{self.root}/docker.sock")
        except OSError:
            return False
        with closing(self.client()) as client:
            return bool(client.ping())


@contextmanager
def engine(root: Path) -> Iterator[Engine]:
    """One that runs, and is gone with everything in it afterwards. Needs root."""
    (root / "config.json").write_text("{}")
    (root / "data-root").mkdir()
    prepare = f"ip link set lo up && mount -t tmpfs none {root}/data-root && echo ready && read end"
    with subprocess.Popen(
        ["unshare", "-n", "-m", "sh", "-c", prepare], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        made = Engine(root, holder)
        try:
            made.start()
            yield made
        finally:
            made.end(signal.SIGTERM)
            made.forget()
            holder.communicate(b"\n", timeout=ENOUGH)
