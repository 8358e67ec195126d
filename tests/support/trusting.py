"""An HTTPS server that many clients have something to ask of, and those clients as commands for a box."""

import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "api.example.com"

NODE_HTTPS = """
require('https').get(process.argv[1], r => { r.resume(); r.on('end', () => console.log(r.statusCode)); })
  .on('error', e => { console.error(e.code); process.exit(1); });
"""
NODE_FETCH = """
fetch(process.argv[1]).then(r => console.log(r.status), e => { console.error(e.cause.code); process.exit(1); });
"""
URLLIB = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).status)"
REQUESTS = "import sys, requests; print(requests.get(sys.argv[1]).status_code)"
PIP = "pip --no-cache-dir --disable-pip-version-check index versions thing --retries 0 --index-url"
JAVA = """
import java.net.URI;
import java.net.http.*;
class Main {
    public static void main(String[] arguments) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(arguments[0])).build();
        var response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding());
        System.out.println(response.statusCode());
    }
}
"""
GO = """
package main

import ("fmt"; "net/http"; "os")

func main() {
	response, err := http.Get(os.Args[1])
	if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
	fmt.Println(response.StatusCode)
}
"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind, body = _ANSWERS.get(self.path.partition("?")[0], ("text/plain", b"hello\n"))
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Says nothing: a client that refuses the certificate is no news."""


_PACKAGE = {
    "name": "thing",
    "dist-tags": {"latest": "1.2.3"},
    "versions": {"1.2.3": {"name": "thing", "version": "1.2.3"}},
}
_ANSWERS = {
    "/repo/info/refs": ("text/plain", f"{hashlib.sha1(b'').hexdigest()}\trefs/heads/main\n".encode()),
    "/thing": ("application/json", json.dumps(_PACKAGE).encode()),
    "/simple/thing/": ("text/html", b'<!DOCTYPE html><a href="/thing-1.2.3.tar.gz">thing-1.2.3.tar.gz</a>'),
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Likewise."""


@contextmanager
def answering(certificate_and_key: str, directory: Path) -> Iterator[int]:
    """A registry, an index, a repository and a page, each at its path; yields the port."""
    pem = directory / "server.pem"
    pem.write_text(certificate_and_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = _Server(("127.0.0.1", 0), _Handler)
    # The handshake is the handler thread's business: a client that refuses must not hold up the next.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked(client: str, port: int) -> list[str]:
    """The command of a client that asks the server for what it knows."""
    base = f"https://{HOST}:{port}"
    python = ["/usr/bin/python3", "-c"]
    commands = {
        "curl": ["curl", "-q", "-sS", f"{base}/"],
        "wget": ["wget", "-nv", "-O", "-", f"{base}/"],
        "openssl": ["sh", "-c", f"openssl s_client -verify_return_error -connect {HOST}:{port} </dev/null"],
        "git": ["git", "ls-remote", f"{base}/repo"],
        "python": [*python, URLLIB, base],
        "requests": [*python, REQUESTS, base],
        "pip": ["/usr/bin/python3", "-m", *PIP.split(), f"{base}/simple"],
        "node-https": ["node", "-e", NODE_HTTPS, base],
        "node-fetch": ["node", "-e", NODE_FETCH, base],
        "npm": ["npm", "view", "thing", "version", "--registry", f"{base}/", "--fetch-retries", "0"],
        "java": ["java", "-Xmx128m", "/tmp/Main.java", base],
        "go": ["/tmp/client", base],
    }
    return commands[client]


ANSWERS = {
    **dict.fromkeys(("curl", "wget"), "hello"),
    "openssl": "Verify return code: 0",
    "git": "refs/heads/main",
    "pip": "1.2.3",
    "npm": "1.2.3",
}
"""What stands in the output of a client that trusts; where nothing is said: 200."""
