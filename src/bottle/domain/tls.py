"""The first message of a TLS connection: which server it names, read strictly and piece by piece.

The reader says who is meant before a certificate is shown or a tunnel opened, so what two TLS libraries might read
differently is refused: a second name, an extension twice, lengths that do not add up, handshake bytes behind the hello.
"""

from attrs import define, frozen

from bottle.domain.hosts import InvalidHostError, address_of, host_on_the_wire

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_MAJOR_VERSION = 3
_RECORD_HEADER = 5
_MESSAGE_HEADER = 4
_LONGEST_RECORD = 2**14  # RFC 8446 5.1
_LONGEST_MESSAGE = 2**15  # post-quantum key shares and tickets take some kilobytes; no client needs this much
_MOST_RECORDS = 64

_SERVER_NAME = 0
_HOST_NAME = 0
# encrypted_client_hello (draft-ietf-tls-esni), its earlier numbers, and encrypted_server_name before it
_ECH = frozenset({0xFE0D, 0xFE0C, 0xFE0A, 0xFE09, 0xFE08, 0xFFCE})


class InvalidClientHelloError(ValueError):
    """The bytes are no ClientHello with a single meaning; the message says why."""


class NotTlsError(InvalidClientHelloError):
    """The bytes are not TLS at all."""


@frozen
class ClientHello:
    """What a client says in clear. `server_name` is in normal form, or None where none is sent.

    `offers_ech` may be GREASE, which browsers send to everybody. It matters only where bytes pass unread: there a real
    one hides another name behind the one that was judged.
    """

    server_name: str | None
    offers_ech: bool = False


class ClientHelloReader:
    """Takes the first bytes of a connection in pieces of any size; how they are cut makes no difference.

    Bytes behind the record in which the hello ends (early data) are not looked at.
    """

    def __init__(self) -> None:
        self._wire = bytearray()
        self._message = bytearray()
        self._records = 0
        self._hello: ClientHello | None = None

    def feed(self, data: bytes) -> ClientHello | None:
        """The hello, as soon as it is complete; None while more is needed. Raises InvalidClientHelloError."""
        if self._hello is None:
            self._wire += data
        while self._hello is None and self._take_record():
            self._hello = self._take_hello()
        return self._hello

    def _take_record(self) -> bool:
        """Moves the payload of the next record, once it is whole, to the message."""
        self._check_header()
        if len(self._wire) < _RECORD_HEADER:
            return False
        end = _RECORD_HEADER + int.from_bytes(self._wire[3:_RECORD_HEADER])
        if len(self._wire) < end:
            return False
        self._message += self._wire[_RECORD_HEADER:end]
        self._records += 1
        del self._wire[:end]
        return True

    def _check_header(self) -> None:
        """Says what is wrong with a record's header as soon as the byte is there, so that nobody waits for the rest."""
        if self._wire[:1] not in (b"", bytes([_HANDSHAKE])) or self._wire[1:2] not in (b"", bytes([_MAJOR_VERSION])):
            if self._records:
                raise InvalidClientHelloError("the hello is cut off by another record")
            raise NotTlsError("the connection does not begin with a TLS handshake")
        if self._wire and self._records == _MOST_RECORDS:
            raise InvalidClientHelloError(f"the hello is cut into more than {_MOST_RECORDS} records")
        # RFC 8446 5.1: no empty fragment of a handshake message.
        if len(self._wire) >= _RECORD_HEADER and not 0 < int.from_bytes(self._wire[3:5]) <= _LONGEST_RECORD:
            raise InvalidClientHelloError("a record of the hello is empty or too long")

    def _take_hello(self) -> ClientHello | None:
        message = self._message
        if message[0] != _CLIENT_HELLO:
            raise InvalidClientHelloError("the first handshake message is no ClientHello")
        if len(message) < _MESSAGE_HEADER:
            return None
        end = _MESSAGE_HEADER + int.from_bytes(message[1:_MESSAGE_HEADER])
        if end > _LONGEST_MESSAGE:
            raise InvalidClientHelloError(f"the hello is longer than {_LONGEST_MESSAGE} bytes")
        if len(message) < end:
            return None
        if len(message) > end:
            raise InvalidClientHelloError("handshake bytes follow the hello in its record")
        return _client_hello(_Bytes(bytes(message[_MESSAGE_HEADER:])))


@define
class _Bytes:
    """Bytes that are read from the front and have to come out even."""

    data: bytes
    place: int = 0

    def __bool__(self) -> bool:
        return self.place < len(self.data)

    def take(self, length: int) -> bytes:
        taken = self.data[self.place : self.place + length]
        if len(taken) < length:
            raise InvalidClientHelloError("a length in the hello points beyond its end")
        self.place += length
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width))

    def vector(self, width: int) -> "_Bytes":
        """What stands behind a length of `width` bytes."""
        return _Bytes(self.take(self.number(width)))

    def end(self) -> None:
        if self:
            raise InvalidClientHelloError("a length in the hello leaves bytes over")


def _client_hello(body: _Bytes) -> ClientHello:
    """RFC 8446 4.1.2. The extensions may be missing altogether (RFC 5246 7.4.1.2)."""
    if body.take(2)[0] != _MAJOR_VERSION:
        raise InvalidClientHelloError("the hello is of an unknown version")
    body.take(32)  # random
    session, ciphers, compressions = body.vector(1).data, body.vector(2).data, body.vector(1).data
    if len(session) > 32 or len(ciphers) % 2 or not compressions:
        raise InvalidClientHelloError("the hello's session, cipher suites or compressions have no valid length")
    extensions = _extensions(body.vector(2)) if body else {}
    body.end()
    name = extensions.get(_SERVER_NAME)
    return ClientHello(None if name is None else _server_name(name), offers_ech=not _ECH.isdisjoint(extensions))


def _extensions(listed: _Bytes) -> dict[int, _Bytes]:
    found: dict[int, _Bytes] = {}
    while listed:
        kind = listed.number(2)
        if kind in found:  # RFC 8446 4.2
            raise InvalidClientHelloError("the hello holds an extension twice")
        found[kind] = listed.vector(2)
    return found


def _server_name(extension: _Bytes) -> str:
    """RFC 6066 3: one name of the one known type, and no address."""
    names = extension.vector(2)
    extension.end()
    if names.number(1) != _HOST_NAME:
        raise InvalidClientHelloError("the server's name is of an unknown type")
    name = names.vector(2).data
    names.end()
    try:
        host = host_on_the_wire(name.decode("ascii"))
    except UnicodeDecodeError:
        raise InvalidClientHelloError("the server's name is not ASCII") from None
    except InvalidHostError as error:
        raise InvalidClientHelloError(f"the server's name is none: {error}") from None
    if address_of(host) is not None:
        raise InvalidClientHelloError("the server's name is an address")
    return host
