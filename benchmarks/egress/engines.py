"""The ways out that are compared: each is started on one core, and led to the same origin on loopback.

Each of them does the same: one host and one path prefix are allowed, TLS is ended, the origin's certificate verified,
and a credential put into each request. What a machine lacks is left out, and said.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from attrs import field, frozen

from tests.egress.harness import Sidecar, TestCa, route
from tests.support.ports import free_port
from tests.support.secret_rules import shared_rules

HOST = "localhost"  # the one name that all of them can be led to loopback with
SECRET = "sk-bench-0123456789abcdef"
HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0))
ENGINE_CORE, LOAD_CORE = {CORES[0]}, {CORES[-1]}
_TICK = os.sysconf("SC_CLK_TCK")
_CERTGEN = ("/usr/lib/squid/security_file_certgen", "/usr/libexec/squid/security_file_certgen")


class MissingError(Exception):
    """The machine cannot have this engine; the message says what it lacks."""


@frozen
class Engine:
    """Something that the load can be pointed at; `target` is what load.c takes, `pid` whose CPU and memory count."""

    target: str
    pid: int | None = None
    ready: float = 0.0
    """Seconds from the process's start until it serves."""
    stop: Callable[[], object] = field(default=lambda: None)

    def cpu(self) -> float:
        """CPU seconds so far."""
        if self.pid is None:
            return 0.0
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def memory(self) -> float:
        """Resident MiB."""
        if self.pid is None:
            return 0.0
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * 4096 / 2**20


@frozen
class Origin:
    """The server behind all of them, and an empty directory for what an engine needs."""

    directory: Path
    port: int
    world: TestCa

    def folder(self, name: str) -> Path:
        """A directory that other users may read: squid becomes one of them."""
        folder = self.directory / name
        folder.mkdir()
        folder.chmod(0o755)
        return folder

    def roots(self, folder: Path) -> Path:
        """The authority that the origin's certificate comes from."""
        path = folder / "world.pem"
        path.write_text(self.world.pem)
        return path

    def through(self, port: int) -> str:
        return f"{port}:{HOST}:{self.port}"


def direct(origin: Origin) -> Engine:
    """Nothing in between."""
    return Engine(str(origin.port))


def floor(origin: Origin) -> Engine:
    """uvloop with TLS on both sides; no HTTP is read, and there are no rules."""
    folder = origin.folder("floor")
    leaf = folder / "leaf.pem"
    leaf.write_text("".join(reversed(TestCa("floor").issue(HOST))))
    program = [sys.executable, str(HERE / "floor.py")]
    return _program(lambda port: [*program, str(port), str(origin.port), str(leaf), str(origin.roots(folder))], origin)


def ours(origin: Origin) -> Engine:
    """Everything on: policy, injection, scrubbing, the trail, and scanning by all rules for secrets."""
    return _ours(origin, "ours", scan=True)


def unscanned(origin: Origin) -> Engine:
    """The same on a route whose content is not scanned."""
    return _ours(origin, "unscanned", scan=False)


def _ours(origin: Origin, name: str, *, scan: bool) -> Engine:
    inject = {"header": "authorization", "scheme": "Bearer", "slot": "T"}
    allowed = route(HOST, origin.port, ports=[origin.port], paths=["/"], inject=inject, scan=scan)
    began = time.monotonic()
    sidecar = Sidecar(
        origin.folder(name) / "run", TestCa("bottle"), origin.world.pem, patterns=str(shared_rules().place)
    )
    os.sched_setaffinity(sidecar.process.pid, ENGINE_CORE)
    answer = sidecar.start([allowed], {"T": SECRET})
    if answer["event"] != "ready":
        raise SystemExit(f"the sidecar does not start: {answer}")
    ready = time.monotonic() - began
    return Engine(origin.through(sidecar.port), sidecar.process.pid, ready, sidecar.stop)


def mitmproxy(origin: Origin) -> Engine:
    """mitmproxy 12, with an addon for the same rules; it streams bodies, as all others do."""
    folder, program = origin.folder("mitmproxy"), _installed_mitmdump()
    options = [
        "connection_strategy=lazy", "stream_large_bodies=64k", "http2=false", f"confdir={folder}",
        f"ssl_verify_upstream_trusted_ca={origin.roots(folder)}",
    ]  # fmt: skip
    words = ["-q", "--listen-host", "127.0.0.1", "-s", str(HERE / "mitm_addon.py")]
    words += [word for option in options for word in ("--set", option)]
    return _program(lambda port: [program, *words, "-p", str(port)], origin)


def _installed_mitmdump() -> str:
    home = Path(tempfile.gettempdir()) / "bottle-bench-mitmproxy"
    if not (home / "bin/mitmdump").exists():
        found = [shutil.which(name) for name in ("python3.13", "python3.12")]
        runs = [path for path in found if path and subprocess.run([path, "-V"], capture_output=True).returncode == 0]
        if not runs:
            raise MissingError("it needs Python 3.12 or newer")
        subprocess.run([runs[0], "-m", "venv", home], check=True)
        subprocess.run([home / "bin/pip", "install", "-q", "mitmproxy==12.*"], check=True)
    return str(home / "bin/mitmdump")


def squid(origin: Origin) -> Engine:
    """squid that ends TLS (Debian's squid-openssl), one process, no cache."""
    program = shutil.which("squid")
    certgen = next(filter(os.path.exists, _CERTGEN), None)
    if program is None or certgen is None:
        raise MissingError("it needs squid with ssl-bump (Debian: squid-openssl)")
    folder = origin.folder("squid")
    _write_authority(folder / "ca.pem")
    subprocess.run([certgen, "-c", "-s", folder / "certificates", "-M", "4MB"], check=True, capture_output=True)
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, "proxy", "proxy")

    def command(port: int) -> list[str]:
        text = _SQUID.format(port=port, origin=origin.port, folder=folder, roots=origin.roots(folder), certgen=certgen)
        (folder / "squid.conf").write_text(text + f'request_header_add Authorization "Bearer {SECRET}" all\n')
        return [program, "-N", "-f", str(folder / "squid.conf")]

    return _program(command, origin)


def _write_authority(path: Path) -> None:
    """A key and its own certificate: squid signs with it while it runs."""
    subject = ["-subj", "/CN=bench", "-addext", "basicConstraints=critical,CA:TRUE"]
    certificate = path.with_suffix(".crt")
    words = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(path), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", "-days", "2", *subject, *words], check=True, capture_output=True)
    path.write_text(path.read_text() + certificate.read_text())


_SQUID = """
http_port 127.0.0.1:{port} ssl-bump cert={folder}/ca.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB
sslcrtd_program {certgen} -s {folder}/certificates -M 4MB
sslcrtd_children 1 startup=1 idle=1
tls_outgoing_options cafile={roots}
ssl_bump bump all
acl allowed dstdomain localhost
acl path urlpath_regex ^/
acl CONNECT method CONNECT
http_access allow CONNECT allowed
http_access allow allowed path
http_access deny all
request_header_access Authorization deny all
cache deny all
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
pid_filename none
coredump_dir {folder}
shutdown_lifetime 1 seconds
visible_hostname bench
"""


def srt(origin: Origin) -> Engine:
    """The proxy of Anthropic's sandbox-runtime, with TLS ended in it, and its hooks for the same rules."""
    home = Path(tempfile.gettempdir()) / "bottle-bench-srt"
    if not home.exists() and shutil.which("npm"):
        subprocess.run(["npm", "install", "--silent", "--prefix", home, "@anthropic-ai/sandbox-runtime"], check=True)
    node = shutil.which("node")
    if node is None or not (home / "node_modules/@anthropic-ai/sandbox-runtime").exists():
        raise MissingError("it needs node and npm")
    roots = origin.roots(origin.folder("srt"))
    return _program(lambda port: [node, str(HERE / "srt_proxy.mjs"), str(home), str(port), str(roots)], origin)


def _program(command: Callable[[int], list[str]], origin: Origin) -> Engine:
    """A program that listens on the port that its command names."""
    port = free_port()
    argv = command(port)
    began = time.monotonic()
    process = subprocess.Popen(argv, preexec_fn=on(ENGINE_CORE), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(port)
    ready = time.monotonic() - began

    def stop() -> None:
        process.terminate()
        process.wait(10)

    return Engine(origin.through(port), process.pid, ready, stop)


def on(cores: set[int]) -> Callable[[], None]:
    """What binds a new process to the cores."""
    return lambda: os.sched_setaffinity(0, cores)


def wait_for(port: int) -> None:
    """Returns when something listens on the port of loopback."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")


ALL: dict[str, Callable[[Origin], Engine]] = {
    each.__name__: each for each in (direct, floor, ours, unscanned, squid, srt, mitmproxy)
}
"""By their names, in the order of the table's columns."""
