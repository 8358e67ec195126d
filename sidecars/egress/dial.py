"""From a judged host to a connection: resolve once, judge every address, dial exactly what was judged."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import TypeVar

from bottle.domain.egress import Route, decide_address
from bottle.domain.hosts import Authority, IPAddress, address_of
from sidecars.egress import limits
from sidecars.egress.refusal import of_verdict, refused
from sidecars.egress.rules import refused_by
from sidecars.egress.tls_connection import TlsConnection

P = TypeVar("P", bound=asyncio.Protocol)


async def addresses_for(route: Route, authority: Authority) -> tuple[Sequence[IPAddress], int]:
    """Where the host is, every address judged, and the port to dial. Raises Refused."""
    if route.connect_to is not None:
        found: Sequence[IPAddress] = (route.connect_to.address,)
        port = route.connect_to.port or authority.port
    else:
        literal = address_of(authority.host)
        found = (literal,) if literal is not None else await _resolve(authority)
        port = authority.port
    judge_addresses(route, found)
    return found, port


def judge_addresses(route: Route, found: Sequence[IPAddress]) -> None:
    """Raises Refused unless every address may be dialled: an answer that mixes public and private ones is an attack."""
    for address in found:
        verdict = decide_address(route, address)
        if not verdict.allowed:
            raise refused_by(of_verdict(verdict))


async def dial(
    make: Callable[[], P], addresses: Sequence[IPAddress], port: int, tls: ssl.SSLContext | None, host: str
) -> P:
    """A connection to the first address that answers, TLS verified for `host` where `tls` is given. Raises Refused."""
    failure = refused(502, "upstream.connect", f"{host} has no address")
    try:
        async with asyncio.timeout(limits.CONNECT_SECONDS):
            for address in addresses:
                try:
                    return await _dial_one(make, address, port, tls, host)
                except ssl.SSLCertVerificationError as error:
                    reason = f"the certificate of {host} is not trusted: {error.verify_message}"
                    raise refused(502, "upstream.certificate", reason) from None
                except ssl.SSLError as error:
                    raise refused(502, "upstream.tls", f"no TLS with {host}: {error.reason or 'failed'}") from None
                except (ConnectionResetError, ConnectionAbortedError):
                    reason = f"{host} hung up before a connection was made"
                    raise refused(502, "upstream.tls" if tls else "upstream.connect", reason) from None
                except OSError as error:
                    failure = refused(502, "upstream.connect", f"{host} at {address} port {port}: {_why(error)}")
    except TimeoutError:
        raise refused(504, "upstream.timeout", f"{host} does not answer on port {port}") from None
    raise failure


async def _dial_one(make: Callable[[], P], address: IPAddress, port: int, tls: ssl.SSLContext | None, host: str) -> P:
    loop = asyncio.get_running_loop()
    if tls is None:
        _, protocol = await loop.create_connection(make, str(address), port)
        return protocol
    inner, shaken = make(), loop.create_future()
    secured = TlsConnection(tls, inner, _teller(shaken), limits.UPSTREAM_HANDSHAKE_SECONDS, host)
    await loop.create_connection(lambda: secured, str(address), port)
    try:
        await shaken
    except asyncio.CancelledError:  # time is up
        secured.abort()
        raise
    return inner


def _teller(shaken: "asyncio.Future[None]") -> Callable[[OSError | None], None]:
    def tell(error: OSError | None) -> None:
        if shaken.done():
            return
        if error is None:
            shaken.set_result(None)
        else:
            shaken.set_exception(error)

    return tell


async def _resolve(authority: Authority) -> Sequence[IPAddress]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(limits.RESOLVE_SECONDS):
            answers = await loop.getaddrinfo(authority.host, authority.port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise refused(504, "upstream.dns", f"{authority.host} was not resolved in time") from None
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a name"
        raise refused(502, "upstream.dns", f"{authority.host} does not resolve: {why}") from None
    # A scope (`fe80::1%eth0`) is judged without its zone and, being link-local, refused.
    texts = dict.fromkeys(str(answer[4][0]).partition("%")[0] for answer in answers)
    return tuple(ipaddress.ip_address(text) for text in texts)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
