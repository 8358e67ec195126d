"""A forge over HTTPS that wants a token: real `git http-backend` behind TLS of a test's own."""

import http.server
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from tests.support.standin_tls import server_tls


@define
class Forge:
    """Where it is, what it is trusted by, and the credentials that it was shown."""

    url: str
    root: str
    shown: list[str] = field(factory=list)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust it goes away in the handshake; its test says what came of that."""


@contextmanager
def https_forge(folder: Path, token: str, complaint: str = "") -> Iterator[Forge]:
    """Serves the bare repositories below a folder, to whoever has the token as password, until the end of the block.
    With a complaint it serves nobody: it says that, after `{}` was replaced with the credential that it was shown."""
    tls = server_tls(["127.0.0.1"], folder)
    wanted = "Basic " + b64encode(f"x-access-token:{token}".encode()).decode()
    forge = Forge("", tls.root)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

        def _serve(self, body: bytes) -> None:
            credential = self.headers.get("Authorization", "")
            forge.shown.append(credential)
            if complaint:
                self._complain(complaint.replace("{}", f"{credential} {token}").encode())
                return
            if credential != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="forge"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._answer(body)

        def _complain(self, text: bytes) -> None:
            self.send_response(403)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _answer(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            variables = {
                "PATH": "/usr/bin:/bin",
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "REMOTE_USER": "agent",
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }
            done = subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, check=True)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            fields["Content-Length"] = str(len(content))  # without it the end of TLS would be the end of the answer
            for name, value in fields.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    server = _Server(("127.0.0.1", 0), Handler)
    # Whoever connects and says nothing keeps its own thread waiting, not the one that takes connections.
    server.socket = tls.context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    forge.url = f"https://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
