"""A real sshd on loopback with real repositories: the other side of the git gate."""

import getpass
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.support.ports import free_port

_CONFIG = """\
ListenAddress {address}:{port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PrintMotd no
MaxStartups 100
LogLevel VERBOSE
"""


@frozen
class Sshd:
    """Where it listens, and what a client needs: `key` may log in, `host_key` is what known_hosts would hold."""

    folder: Path
    address: str
    port: int

    @property
    def key(self) -> Path:
        return self.folder / "client_key"

    @property
    def host_key(self) -> str:
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def url(self, repository: Path) -> str:
        return f"ssh://{getpass.getuser()}@{self.address}:{self.port}{repository}"


@contextmanager
def sshd(folder: Path, address: str = "127.0.0.1") -> Iterator[Sshd]:
    """Serves until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    make_key(folder / "host_key")
    make_key(folder / "client_key")
    (folder / "authorized_keys").write_text((folder / "client_key.pub").read_text())
    port = free_port(address)
    (folder / "config").write_text(_CONFIG.format(address=address, port=port, folder=folder))
    Path("/run/sshd").mkdir(exist_ok=True)  # where sshd as root wants its unprivileged half
    command = ["/usr/sbin/sshd", "-D", "-f", str(folder / "config"), "-E", str(folder / "log")]
    process = subprocess.Popen(command)
    try:
        wait_until_open(address, port)
        yield Sshd(folder, address, port)
    finally:
        process.terminate()
        process.wait()


def make_key(path: Path, passphrase: str = "", kind: str = "ed25519") -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", path], check=True)


def wait_until_open(address: str, port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((address, port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
