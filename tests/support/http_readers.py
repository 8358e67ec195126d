"""Five independent readers of HTTP/1.1: what does each make of the same bytes?

`python http_readers.py NAME` reads base64 lines and answers each with one JSON line, so that a reader whose package is
installed elsewhere runs under the interpreter that has it. Nothing of this project is imported.
"""

import base64
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

Reading = list[list[str]] | None
"""Method, target and body (base64) of each request; None where the reader refuses the bytes."""

_NODE = """
const http = require('http'), net = require('net');
let found = [], broken = false;
const server = http.createServer({ requestTimeout: 0, maxHeaderSize: 1 << 17 }, (request, response) => {
  const pieces = [];
  request.on('data', piece => pieces.push(piece));
  request.on('end', () => {
    found.push([request.method, request.url, Buffer.concat(pieces).toString('base64')]);
    response.end();
  });
});
server.on('checkContinue', (request, response) => server.emit('request', request, response));
server.on('clientError', (error, socket) => { broken = true; socket.destroy(); });
const lines = require('fs').readFileSync(0, 'latin1').split('\\n').slice(0, -1);
server.listen(0, '127.0.0.1', async () => {
  for (const line of lines) {
    found = []; broken = false;
    await new Promise(done => {
      const client = net.connect(server.address().port, '127.0.0.1');
      client.on('error', () => {}); client.on('close', done); client.resume();
      client.end(Buffer.from(line, 'base64'));
    });
    console.log(JSON.stringify(broken ? null : found));
  }
  server.close(); server.closeAllConnections();
});
"""


def by_h11(data: bytes) -> Reading:
    import h11

    found: Any = []
    while data:
        reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        reader.receive_data(data)
        body = b""
        request = reader.next_event()
        if not isinstance(request, h11.Request):
            return None
        while isinstance(event := reader.next_event(), h11.Data):
            body += bytes(event.data)
        if not isinstance(event, h11.EndOfMessage):
            return None
        found.append(_said(request.method.decode(), request.target.decode("latin-1"), body))
        data = reader.trailing_data[0]
    return list(found)


def by_h11_first(data: bytes) -> bytes | bool:
    """The first request's body; False where the request is not complete, True where h11 does not take it."""
    import h11

    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    reader.receive_data(data)
    body = b""
    try:
        while not isinstance(event := reader.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return False
            if isinstance(event, h11.Data):
                body += bytes(event.data)
    except h11.RemoteProtocolError:
        return True
    return body


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, source: io.BufferedIOBase) -> None:
        self.rfile, self.wfile, self.broken = source, io.BytesIO(), False
        self.client_address, self.raw_requestline = ("", 0), source.readline(65537)

    def send_error(self, *_: Any, **__: Any) -> None:
        self.broken = True

    def handle_expect_100(self) -> bool:
        return True


def by_http_server(data: bytes) -> Reading:
    source, found = io.BytesIO(data), []
    while source.tell() < len(data):
        handler = _Handler(source)
        if not handler.parse_request() or handler.broken:
            return None
        body = _body(source, handler.headers.get_all("transfer-encoding"), handler.headers.get_all("content-length"))
        if body is None:
            return None
        found.append(_said(handler.command, handler.path, body))
    return found


def _body(source: io.BytesIO, codings: list[str] | None, lengths: list[str] | None) -> bytes | None:
    """http.server leaves bodies to its handlers; this is what a plain one does."""
    if not codings:
        length = int(lengths[0]) if lengths else 0
        body = source.read(length)
        return body if len(body) == length else None
    body = b""
    while size := int(source.readline(), 16):
        body += source.read(size)
        if source.readline() != b"\r\n":
            return None
    return body if source.readline() == b"\r\n" else None


def by_aiohttp(data: bytes) -> Reading:
    import asyncio

    from aiohttp.base_protocol import BaseProtocol  # type: ignore[import-not-found,unused-ignore]
    from aiohttp.http_parser import HttpRequestParserPy  # type: ignore[import-not-found,unused-ignore]

    loop = asyncio.new_event_loop()
    try:
        parser = HttpRequestParserPy(BaseProtocol(loop), loop, 2**16, max_line_size=1 << 16, max_field_size=1 << 16)
        messages, _, tail = parser.feed_data(data)
        if tail or any(not payload.is_eof() for _, payload in messages):
            return None
        return [_said(head.method, head.path, b"".join(getattr(payload, "_buffer", ()))) for head, payload in messages]
    except Exception:  # noqa: BLE001 - whatever it raises, it does not take the bytes
        return None
    finally:
        loop.close()


def by_gunicorn(data: bytes) -> Reading:
    from gunicorn.config import Config  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from gunicorn.http.parser import RequestParser  # type: ignore[import-not-found,import-untyped,unused-ignore]

    config = Config()
    config.set("limit_request_line", 0)
    config.set("limit_request_field_size", 65536)
    found = []
    try:
        for request in RequestParser(config, iter([data]), ("127.0.0.1", 1)):
            found.append(_said(request.method, request.uri, request.body.read()))  # noqa: PERF401 - read in order
    except StopIteration:
        pass
    except Exception:  # noqa: BLE001 - whatever it raises, it does not take the bytes
        return None
    return found


def _said(method: str, target: str, body: bytes) -> list[str]:
    return [method, target, base64.b64encode(body).decode()]


READERS: dict[str, Callable[[bytes], Reading]] = {
    "h11": by_h11, "http.server": by_http_server, "aiohttp": by_aiohttp, "gunicorn": by_gunicorn}  # fmt: skip


def read_all(name: str, messages: Sequence[bytes], python: str = sys.executable) -> list[Reading] | None:
    """What the reader makes of each of the messages; None where it is not installed."""
    argv = [shutil.which("node") or "", "-e", _NODE] if name == "node" else [python, str(Path(__file__)), name]
    if not argv[0]:
        return None
    given = "".join(base64.b64encode(message).decode() + "\n" for message in messages)
    done = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        return None
    return [json.loads(line) for line in done.stdout.splitlines()]


def _answer(name: str) -> None:
    reader = READERS[name]
    if name in ("aiohttp", "gunicorn"):
        __import__(name)  # ends with a status other than 0 where it is missing
    for line in sys.stdin:
        try:
            reading = reader(base64.b64decode(line))
        except Exception:  # noqa: BLE001 - whatever it raises, it does not take the bytes
            reading = None
        sys.stdout.write(json.dumps(reading) + "\n")


if __name__ == "__main__":
    _answer(sys.argv[1])
