"""A request body by exactly one framing; two at once are how requests are smuggled."""

from email.message import Message
from io import BufferedIOBase

LINE = 64


class UnframedError(ValueError):
    """Nobody can say where the body ends."""


def read_body(headers: Message, stream: BufferedIOBase, limit: int) -> bytes:
    """The body as Content-Length or chunks give it. Raises UnframedError."""
    lengths = headers.get_all("content-length", [])
    codings = headers.get_all("transfer-encoding", [])
    if len(lengths) + len(codings) > 1 or (codings and codings != ["chunked"]):
        raise UnframedError("more than one framing")
    if codings:
        return _read_chunks(stream, limit)
    text = lengths[0] if lengths else "0"
    if not (text.isascii() and text.isdigit()) or int(text) > limit:
        raise UnframedError("no such length")
    return _exactly(stream, int(text))


def _read_chunks(stream: BufferedIOBase, limit: int) -> bytes:
    body = bytearray()
    while size := _size(stream.readline(LINE)):
        if len(body) + size > limit:
            raise UnframedError("too long")
        body += _exactly(stream, size)
        _end_of_line(stream)
    _end_of_line(stream)
    return bytes(body)


def _size(line: bytes) -> int:
    text = line.removesuffix(b"\r\n")
    if text == line or not text or text.strip(b"0123456789abcdefABCDEF"):
        raise UnframedError("not a chunk size")
    return int(text, 16)


def _end_of_line(stream: BufferedIOBase) -> None:
    if stream.readline(LINE) != b"\r\n":
        raise UnframedError("a chunk without its end")


def _exactly(stream: BufferedIOBase, size: int) -> bytes:
    body = stream.read(size)
    if len(body) < size:
        raise UnframedError("the body breaks off")
    return body
