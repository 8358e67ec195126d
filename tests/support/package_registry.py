"""A package registry on loopback, one small release of it, and the ways in which it fails."""

import hashlib
import io
import os
import ssl
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from attrs import define, field

from bottle.adapters.bubblewrap.line import Line
from bottle.adapters.bubblewrap.managed import Shelf
from bottle.adapters.bubblewrap.pins import Release

QUICK = Line(timeout=5, pauses=(0.0, 0.0))
PROGRAM = b"#!/bin/sh\necho 1.0.0\n" + os.urandom(300_000)


def member(
    name: str, content: bytes = b"", mode: int = 0o755, kind: bytes = tarfile.REGTYPE
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.type, info.linkname = len(content), mode, kind, "/etc/passwd"
    return info, content


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


ARCHIVE = archive(
    member("package/bin/agent", PROGRAM),
    member("package/share/deep/notes.md", b"notes", 0o644),
    member("package/unwanted", b"no"),
    member("package/../package/share/../../../escaped", b"no"),
    member("/package/share/absolute", b"no"),
    member("package/share/link", kind=tarfile.SYMTYPE),
    member("package/share/hard", kind=tarfile.LNKTYPE),
    member("package/share/device", kind=tarfile.CHRTYPE),
    member("share/outside", b"no"),
)


def release(archive: bytes = ARCHIVE) -> Release:
    sha512 = hashlib.sha512(archive).hexdigest()
    return Release("agent", "1.0.0", "agent/-/agent-1.0.0.tgz", sha512, "package", ("bin/agent", "share"), "bin/agent")


@define
class Registry:
    """A package registry that answers with the archive once its list of other answers is used up."""

    url: str = ""
    asked: list[str] = field(factory=list)
    first: list[Callable[[BaseHTTPRequestHandler], None]] = field(factory=list)
    archive: bytes = ARCHIVE

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        if self.first:
            return self.first.pop(0)(request)
        request.send_response(200)
        request.send_header("content-length", str(len(self.archive)))
        request.end_headers()
        request.wfile.write(self.archive)
        return None


@contextmanager
def serving(registry: Registry, tls: ssl.SSLContext | None = None) -> Iterator[Registry]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            registry.answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    registry.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def left(shelf: Shelf) -> list[str]:
    folder = shelf.folder / "agent"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def status(code: int) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("content-length", "0")
        request.end_headers()

    return answer


def truncated(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("content-length", str(len(ARCHIVE)))
    request.end_headers()
    request.wfile.write(ARCHIVE[:5000])


def hung_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
