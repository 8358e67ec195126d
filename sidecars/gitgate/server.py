"""The gate's door: smart HTTP for the remotes that the manifest names, and nothing else."""

import http.server
import json
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from urllib.parse import unquote

from attrs import frozen

from sidecars.evidence.files import AuditError
from sidecars.gitgate import limits
from sidecars.gitgate.hooks import Hooks
from sidecars.gitgate.mirror import Mirror, NoRoomError
from sidecars.gitgate.serve import BrokenError, Call, answer
from sidecars.gitgate.trail import Line, Trail
from sidecars.gitgate.upstream import UnreachableError

_FETCH, _PUSH = "git-upload-pack", "git-receive-pack"
_SERVICES = (_FETCH, _PUSH)
_TAILS = re.compile(r"(?P<path>/.*?)(?:\.git)?/?/(?P<tail>info/refs|git-upload-pack|git-receive-pack)\Z")
_LFS = re.compile(r"/info/lfs(?:/|\Z)")
_PROTOCOL = re.compile(r"version=[012]\Z")
_CHUNK = 65536
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?\r?\n\Z")


class Refused(Exception):  # noqa: N818 - an answer as much as an error
    """What is not served. git shows the text of such an answer as `remote: ...`."""

    def __init__(self, status: int, text: str, content_type: str = "text/plain; charset=utf-8") -> None:
        super().__init__(text)
        self.status, self.text, self.content_type = status, text, content_type


@frozen
class Wanted:
    """A request that makes sense: which mirror, which of git's services, and whether it is the first word of it."""

    mirror: Mirror
    service: str
    announces: bool


class Gate(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Serves mirrors by the path at which the agent finds them. At most `limits.CONNECTIONS` requests at a time."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, listener: socket.socket, mirrors: Mapping[str, Mirror], hooks: Hooks, trail: Trail) -> None:
        super().__init__(("", 0), _Request, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.mirrors, self.hooks, self.trail = mirrors, hooks, trail
        self._room = threading.Semaphore(limits.CONNECTIONS)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is its own affair; what it sent is written nowhere."""

    def find(self, method: str, target: str) -> tuple[Wanted, str]:
        """What a request means, and the end of its path. Raises Refused."""
        path, _, query = target.partition("?")
        path = unquote(path)
        if _LFS.search(path):
            raise _no_lfs()
        match = _TAILS.match(path)
        mirror = self.mirrors.get(match["path"]) if match else None
        if match is None or mirror is None:
            raise Refused(404, f"git gate: nothing is served here; the manifest names {self._known()}")
        tail = match["tail"]
        service = query.removeprefix("service=") if tail == "info/refs" else tail
        if service not in _SERVICES:
            raise Refused(403, "git gate: only git's smart HTTP is served")
        announces = tail == "info/refs"
        if (method == "GET") != announces:
            raise Refused(405, "git gate: no such request")
        return Wanted(mirror, service, announces), tail

    def _known(self) -> str:
        return ", ".join(path.lstrip("/") for path in self.mirrors) or "no remote"


class _Request(http.server.BaseHTTPRequestHandler):
    """One connection with one request: a second would only have to be told apart from the first."""

    server: Gate
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "git-gate", ""
    timeout = limits.IDLE_SECONDS

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class calls it so
        """The trail is the log."""

    def _serve(self, method: str) -> None:
        self.close_connection = True
        try:
            wanted, tail = self.server.find(method, self.path)
            if wanted.announces and not self._refreshed(wanted):
                return
            self._pass_on(wanted, self._call(wanted, method, tail))
        except Refused as refusal:
            self._refuse(refusal)
        except NoRoomError as error:
            self._refuse(Refused(507, f"git gate: {error}"))
        except BrokenError:
            self.close_connection = True

    def _refreshed(self, wanted: Wanted) -> bool:
        """Brings the mirror up to date; says so where that cannot be, in git's own way (gitprotocol-pack(5), ERR)."""
        began = time.monotonic()
        try:
            wanted.mirror.refresh()
            self._note(wanted, began, "")
        except (UnreachableError, AuditError, NoRoomError) as error:
            self._note_failure(wanted, began, str(error))
            text = f"git gate: {_told(error, wanted.mirror.remote.host)}; nothing is served from memory"
            self._begin(200, f"application/x-{wanted.service}-advertisement", chunked=False)
            self.wfile.write(_packet(f"# service={wanted.service}\n") + b"0000" + _packet(f"ERR {text}\n"))
            return False
        return True

    def _note(self, wanted: Wanted, began: float, reason: str) -> None:
        if wanted.service == _FETCH:
            remote, ms = wanted.mirror.remote, (time.monotonic() - began) * 1000
            line = Line("fetch", remote.host, remote.upstream.path, not reason, "allowed", reason, ms=ms)
            self.server.trail.write(line)

    def _note_failure(self, wanted: Wanted, began: float, reason: str) -> None:
        remote, ms = wanted.mirror.remote, (time.monotonic() - began) * 1000
        method = "fetch" if wanted.service == _FETCH else "push"
        try:
            line = Line(method, remote.host, remote.upstream.path, False, "upstream.unreachable", reason, ms=ms)
            self.server.trail.write(line)
        except AuditError:
            pass  # nothing was served

    def _call(self, wanted: Wanted, method: str, tail: str) -> Call:
        path = wanted.mirror.repository.path
        encoding = self.headers.get("Content-Encoding", "").lower()
        protocol = self.headers.get("Git-Protocol", "")
        content_type = f"application/x-{wanted.service}-request" if method == "POST" else ""
        if encoding not in ("", "gzip", "x-gzip"):
            raise Refused(415, "git gate: no such encoding")
        if method == "POST" and self.headers.get("Content-Type", "") != content_type:
            raise Refused(415, "git gate: this is no request of git's")
        query = f"service={wanted.service}" if wanted.announces else ""
        version = protocol if _PROTOCOL.match(protocol) else ""
        return Call(str(path.parent), path.name, method, tail, query, content_type, encoding, version)

    def _pass_on(self, wanted: Wanted, call: Call) -> None:
        pushes = wanted.service == _PUSH and call.method == "POST"
        body = self._body(limits.PACK if pushes else limits.REQUEST) if call.method == "POST" else iter(())
        hooks = self.server.hooks.push(wanted.mirror) if pushes else nullcontext(dict[str, str]())
        with wanted.mirror.changing() if pushes else nullcontext(), hooks as more:
            answer(call, body, more, lambda status, kind: self._begin(status, kind, chunked=True))
        self.wfile.write(b"0\r\n\r\n")

    def _begin(self, status: int, content_type: str, *, chunked: bool) -> Callable[[bytes], None]:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Cache-Control", "no-cache, max-age=0, must-revalidate")
        self.send_header("Connection", "close")
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        return lambda piece: _written(self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece)))

    def _refuse(self, refusal: Refused) -> None:
        self._begin(refusal.status, refusal.content_type, chunked=False)
        self.wfile.write(f"{refusal.text}\n".encode())

    def _body(self, most: int) -> Iterator[bytes]:
        """The request's content; ValueError where it is framed wrongly or goes beyond `most`."""
        pieces = self._chunks() if self.headers.get("Transfer-Encoding") else self._counted()
        for piece in pieces:
            most -= len(piece)
            if most < 0:
                raise ValueError("too long")
            yield piece

    def _counted(self) -> Iterator[bytes]:
        length = self.headers.get("Content-Length", "0")
        left = int(length) if length.isascii() and length.isdecimal() else 0
        while left > 0:
            piece = self.rfile.read1(min(left, _CHUNK))
            if not piece:
                raise ValueError("broken off")
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        """RFC 9112 7.1; what a trailer says is of no interest."""
        while (size := self._chunk_size()) > 0:
            piece = self.rfile.read(size)
            if len(piece) != size or self.rfile.readline(3) != b"\r\n":
                raise ValueError("broken off")
            yield piece

    def _chunk_size(self) -> int:
        match = _CHUNK_SIZE.match(self.rfile.readline(256))
        size = int(match[1], 16) if match else -1
        if not 0 <= size <= 64 * limits.MEBIBYTE:
            raise ValueError("no chunk")
        return size


def _told(error: Exception, host: str) -> str:
    return str(error) if isinstance(error, NoRoomError) else f"the upstream {host} cannot be reached: {error}"


def _written(_count: int) -> None:
    return None


def _packet(text: str) -> bytes:
    data = text.encode()
    return b"%04x%b" % (len(data) + 4, data)


def _no_lfs() -> Refused:
    text = "git gate: Git LFS is not served; commit the file itself, or ask the operator"
    return Refused(403, json.dumps({"message": text}), "application/vnd.git-lfs+json")
