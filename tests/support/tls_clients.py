"""A TLS server that says one thing, and the clients that a developer has: whether each believes its certificate."""

import atexit
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.support.requirements import require


@contextmanager
def serving(pem: Path, host: str = "127.0.0.1") -> Iterator[int]:
    """A TLS server that answers every connection with one HTTP response; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(4096)
                    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


NODE = """
const [host, name, port, ca] = process.argv.slice(1);
const options = {host, port, path: '/', agent: false, ca: require('fs').readFileSync(ca)};
if (name) { options.servername = name; options.headers = {host: name}; }
require('https').get(options, (r) => { r.resume(); r.on('end', () => console.log(r.statusCode)); })
  .on('error', (e) => { console.error(e.code || e.message); process.exit(1); });
"""
GO = """
package main

import ("crypto/tls"; "crypto/x509"; "fmt"; "os")

func main() {
	pem, _ := os.ReadFile(os.Args[3])
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c, err := tls.Dial("tcp", os.Args[1], &tls.Config{RootCAs: roots, ServerName: os.Args[2]})
	if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
	c.Close()
}
"""


def url(name: str, port: int) -> str:
    return f"https://{name}:{port}/"


def resolved(name: str, port: int) -> str:
    return f"{name}:{port}:127.0.0.1"


def curl(port: int, name: str, ca: Path) -> bool:
    require("curl")
    done = subprocess.run(
        ["curl", "-q", "-sS", "--noproxy", "*", "--cacert", ca, "--resolve", resolved(name, port), url(name, port)],
        capture_output=True,
        check=False,
    )
    return done.stdout == b"ok"


def node(port: int, name: str, ca: Path) -> bool:
    require("node")
    server_name = "" if name[0].isdigit() else name
    done = subprocess.run(
        ["node", "-e", NODE, "127.0.0.1", server_name, str(port), str(ca)], capture_output=True, check=False
    )
    return done.stdout == b"200\n"


def git(port: int, name: str, ca: Path) -> bool:
    """Debian's git speaks TLS by GnuTLS. It takes the answer for a repository without branches."""
    require("git")
    command = ["git", "-c", f"http.curloptResolve={resolved(name, port)}", "ls-remote", url(name, port)]
    environment = {"PATH": os.environ["PATH"], "GIT_SSL_CAINFO": str(ca), "NO_PROXY": "*", "LC_ALL": "C"}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0 or b"certificate" in done.stderr
    return done.returncode == 0


def python(port: int, name: str, ca: Path) -> bool:
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            return True
    except ssl.SSLCertVerificationError:
        return False


def go(port: int, name: str, ca: Path) -> bool:
    require("go")
    client = go_client()
    done = subprocess.run([client, f"127.0.0.1:{port}", name, str(ca)], capture_output=True, check=False)
    assert done.returncode == 0 or b"x509: " in done.stderr
    return done.returncode == 0


@cache
def go_client() -> str:
    """The program, built once in a test run."""
    directory = Path(tempfile.mkdtemp(prefix="bottle-go-"))
    atexit.register(shutil.rmtree, directory)
    (directory / "main.go").write_text(GO)
    subprocess.run(["go", "build", "-o", "client", "main.go"], cwd=directory, check=True, capture_output=True)
    return str(directory / "client")


CLIENTS = {"curl": curl, "git": git, "go": go, "node": node, "python": python}
"""By name: whether the client, given the authority, completes an exchange with the named host at a local port.

Java is missing on purpose: it looks at no constraint of a trust anchor (RFC 5280 6.1.1 leaves that open).
"""
