"""The door of a pure tunnel: holds the client's first bytes until its hello names the right host. No I/O."""

from bottle.domain.hosts import address_of
from bottle.domain.tls import ClientHello, ClientHelloReader, InvalidClientHelloError
from sidecars.egress.refusal import Refusal


class HelloGate:
    """Shut until the hello is complete. What was fed is kept for the origin; `ClientHelloReader` bounds how much."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._reader = ClientHelloReader()
        self._held = bytearray()
        self.is_open = False

    def feed(self, data: bytes) -> Refusal | None:
        """Takes bytes of the client; the refusal, where they are not the hello that was promised."""
        self._held += data
        try:
            hello = self._reader.feed(data)
        except InvalidClientHelloError as error:
            return Refusal(403, "tls.hello", str(error))
        if hello is None:
            return None
        refusal = self._judge(hello)
        self.is_open = refusal is None
        return refusal

    def hold(self, data: bytes) -> None:
        """Keeps what came after the hello and before there was anybody to give it to."""
        self._held += data

    def take(self) -> bytes:
        """All that was fed, once: what the origin has to read first."""
        held, self._held = bytes(self._held), bytearray()
        return held

    def _judge(self, hello: ClientHello) -> Refusal | None:
        is_address = address_of(self._host) is not None
        if hello.server_name != (None if is_address else self._host):
            return Refusal(403, "sni.mismatch", f"the TLS server name is not {self._host}, the host of the CONNECT")
        if hello.offers_ech:
            reason = "the hello is encrypted in part (ECH), and a tunnel hides all the rest"
            return Refusal(403, "tls.ech", reason)
        return None
