"""An origin for bottles of either backend: it answers everybody, and remembers which paths it was asked for."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import docker
from attrs import frozen

from tests.support.box_views import EngineViews
from tests.support.views import Place

LOOPBACK: Final = Place("127.0.0.1", "127.0.0.1")
SETTINGS: Final = """\
egress:
  routes:
    - host: origin.example
      scheme: http
      connect_to: {address}:{port}
      pipelock: {{ssrf_ip_allowlist: [{address}/32]}}
"""


@frozen
class Origin:
    """Where it listens, and what came."""

    address: str
    port: int
    paths: list[str]

    @property
    def settings(self) -> str:
        """A bottle's manifest that lets its agent ask it, as origin.example."""
        return SETTINGS.format(address=self.address, port=self.port)


@contextmanager
def origin_for(backend: str) -> Iterator[Origin]:
    """Reached by the backend's ways out, and by every process of this host."""
    place, paths = _place(backend), list[str]()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.rfile.read(int(self.headers["content-length"] or 0))
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer((place.bind, 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Origin(place.connect, server.server_address[1], paths)
        finally:
            server.shutdown()


def _place(backend: str) -> Place:
    if backend != "docker":
        return LOOPBACK
    with closing(docker.DockerClient()) as client:
        return EngineViews(client).place()
