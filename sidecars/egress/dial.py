"""From a judged host to a connection: resolve once, judge every address, dial exactly what was judged.

Behind an upstream proxy it is the proxy that resolves and dials: it is given the judged name, and addresses are judged
where they are known here (docs/egress.md).
"""

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from attrs import frozen

from bottle.domain.egress import Route, decide_address
from bottle.domain.hosts import Authority, IPAddress, address_of
from bottle.domain.upstream_proxy import UpstreamProxy, is_localhost
from sidecars.egress import limits
from sidecars.egress.chain import open_tunnel
from sidecars.egress.refusal import of_verdict, refused
from sidecars.egress.rules import refused_by
from sidecars.egress.tls_connection import TlsConnection

P = TypeVar("P", bound=asyncio.Protocol)

_LOOPBACK: Final = ipaddress.IPv4Address("127.0.0.1")


@frozen
class Dialler:
    """How origins are reached: `tls` will be what is demanded of those that speak it, `proxy` who dials them if not
    we."""

    tls: asyncio.Future[ssl.SSLContext]
    proxy: UpstreamProxy | None = None

    async def reach(self, make: Callable[[], P], route: Route, authority: Authority, *, secured: bool) -> P:
        """A connection to the host, TLS verified for it where `secured`. Raises Refused."""
        tls = await asyncio.shield(self.tls) if secured else None
        if self.proxy is not None:
            return await dial_through(self.proxy, make, place_for(route, authority), tls, authority.host)
        addresses, port = await addresses_for(route, authority)
        return await dial(make, addresses, port, tls, authority.host)


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


def place_for(route: Route, authority: Authority) -> Authority:
    """What a proxy is asked for: the route's `connect_to`, or the host as it was judged. Raises Refused.

    Names are not looked up: what they mean here says nothing about what they mean to the proxy, but for those that mean
    the proxy's own machine.
    """
    endpoint = route.connect_to
    if endpoint is not None:
        judge_addresses(route, (endpoint.address,))
        return Authority(str(endpoint.address), endpoint.port or authority.port)
    literal = _LOOPBACK if is_localhost(authority.host) else address_of(authority.host)
    if literal is not None:
        judge_addresses(route, (literal,))
    return authority


async def dial(
    make: Callable[[], P], addresses: Sequence[IPAddress], port: int, tls: ssl.SSLContext | None, host: str
) -> P:
    """A connection to the first address that answers, TLS verified for `host` where `tls` is given. Raises Refused."""
    failure = refused(502, "upstream.connect", f"{host} has no address")
    try:
        async with asyncio.timeout(limits.CONNECT_SECONDS):
            for address in addresses:
                try:
                    with _told(host, secured=tls is not None):
                        return await _dial_one(make, address, port, tls, host)
                except OSError as error:
                    failure = refused(502, "upstream.connect", f"{host} at {address} port {port}: {_why(error)}")
    except TimeoutError:
        raise refused(504, "upstream.timeout", f"{host} does not answer on port {port}") from None
    raise failure


async def dial_through(
    proxy: UpstreamProxy, make: Callable[[], P], place: Authority, tls: ssl.SSLContext | None, host: str
) -> P:
    """A connection to the place that the proxy makes, TLS verified for `host` where `tls` is given. Raises Refused."""
    try:
        async with asyncio.timeout(limits.PROXY_SECONDS):
            transport = await open_tunnel(proxy, place)
            with _told(host, secured=tls is not None):
                return await _take_over(transport, make(), tls, host)
    except TimeoutError:
        raise refused(504, "upstream.timeout", f"{host} does not answer through the upstream proxy") from None
    except OSError as error:
        raise refused(502, "upstream.connect", f"{host} through the upstream proxy: {_why(error)}") from None


@contextmanager
def _told(host: str, *, secured: bool) -> Iterator[None]:
    """Failures of TLS, and a connection that is cut instead, in words. Raises Refused."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        reason = f"the certificate of {host} is not trusted: {error.verify_message}"
        raise refused(502, "upstream.certificate", reason) from None
    except ssl.SSLError as error:
        raise refused(502, "upstream.tls", f"no TLS with {host}: {error.reason or 'failed'}") from None
    except (ConnectionResetError, ConnectionAbortedError):
        reason = f"{host} hung up before a connection was made"
        raise refused(502, "upstream.tls" if secured else "upstream.connect", reason) from None


async def _dial_one(make: Callable[[], P], address: IPAddress, port: int, tls: ssl.SSLContext | None, host: str) -> P:
    loop = asyncio.get_running_loop()
    if tls is None:
        _, protocol = await loop.create_connection(make, str(address), port)
        return protocol
    inner, shaken = make(), loop.create_future()
    secured = TlsConnection(tls, inner, _teller(shaken), limits.UPSTREAM_HANDSHAKE_SECONDS, host)
    await loop.create_connection(lambda: secured, str(address), port)
    await _shaken(secured, shaken)
    return inner


async def _take_over(transport: asyncio.Transport, inner: P, tls: ssl.SSLContext | None, host: str) -> P:
    """Gives `inner` the connection, inside TLS where that is wanted; nothing was read from it yet."""
    if transport.is_closing():
        raise ConnectionResetError
    shaken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    outer: asyncio.BaseProtocol = inner
    if tls is not None:
        outer = TlsConnection(tls, inner, _teller(shaken), limits.UPSTREAM_HANDSHAKE_SECONDS, host)
    transport.set_protocol(outer)
    transport.resume_reading()
    outer.connection_made(transport)
    if isinstance(outer, TlsConnection):
        await _shaken(outer, shaken)
    return inner


async def _shaken(secured: TlsConnection, shaken: "asyncio.Future[None]") -> None:
    """Waits for the handshake's end."""
    try:
        await shaken
    except asyncio.CancelledError:  # time is up
        secured.abort()
        raise


def _teller(shaken: "asyncio.Future[None]") -> Callable[[OSError | None], None]:
    def tell(error: OSError | None) -> None:
        if shaken.done():
            return
        if error is None:
            shaken.set_result(None)
        else:
            shaken.set_exception(error)

    return tell


def resolve_as_listed() -> None:
    """From now on no name of this process is tried with a search domain behind it (resolv.conf(5), LOCALDOMAIN): that
    would be another name than the one that was judged."""
    os.putenv("LOCALDOMAIN", "")


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
