"""What a box must not reach: a service on every address of this host, and a resolver that counts who asks."""

import contextlib
import fcntl
import ipaddress
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence

from attrs import define, field

GREETING = b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\nconnection: close\r\n\r\nhost service\r\n"
SIOCGIFADDR = 0x8915
ANSWER = ipaddress.IPv4Address("192.0.2.7").packed


@define
class Traps:
    """Both traps on one host. `visitors` and `questions` are the addresses and names that came."""

    service_port: int
    dns_port: int
    visitors: list[str] = field(factory=list)
    questions: list[str] = field(factory=list)


@contextlib.contextmanager
def traps() -> Iterator[Traps]:
    """Sets them on all IPv4 and, where there is any, IPv6 addresses."""
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        service.bind(("0.0.0.0", 0))
        service.listen(64)
        resolver = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        resolver.bind(("0.0.0.0", 0))
        set_up = Traps(service.getsockname()[1], resolver.getsockname()[1])
        services = [service]
        with contextlib.suppress(OSError):
            services.append(stack.enter_context(_sixth(set_up.service_port)))
        stop = threading.Event()
        workers = [_work(stop, one, lambda one: _greet(one, set_up.visitors)) for one in services]
        workers.append(_work(stop, resolver, lambda one: _answer(one, set_up.questions)))
        try:
            yield set_up
        finally:
            stop.set()
            for worker in workers:
                worker.join(5)


def host_addresses() -> Sequence[str]:
    """This host's IPv4 addresses, one an interface, loopback left out; those of the engine's bridges among them."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                request = struct.pack("256s", name.encode()[:15])
                found.append(socket.inet_ntoa(fcntl.ioctl(probe.fileno(), SIOCGIFADDR, request)[20:24]))
    return [address for address in dict.fromkeys(found) if not ipaddress.ip_address(address).is_loopback]


def can_bind(address: str) -> bool:
    """Whether the address is this host's own."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _sixth(port: int) -> socket.socket:
    """A listener on all IPv6 addresses. Raises OSError where there are none."""
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(("::", port))
        listener.listen(64)
    except OSError:
        listener.close()
        raise
    return listener


def _work(stop: threading.Event, one: socket.socket, serve: Callable[[socket.socket], None]) -> threading.Thread:
    one.settimeout(0.1)

    def loop() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                serve(one)

    worker = threading.Thread(target=loop, daemon=True)
    worker.start()
    return worker


def _greet(listener: socket.socket, visitors: list[str]) -> None:
    connection, address = listener.accept()
    visitors.append(str(address[0]))
    with connection:
        connection.settimeout(1)
        connection.sendall(GREETING)


def _answer(resolver: socket.socket, questions: list[str]) -> None:
    query, client = resolver.recvfrom(512)
    if len(query) > 12:
        questions.append(_name(query))
        resolver.sendto(
            query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + ANSWER, client
        )


def _name(query: bytes) -> str:
    labels, place = [], 12
    while place < len(query) and query[place]:
        labels.append(query[place + 1 : place + 1 + query[place]].decode("latin-1"))
        place += 1 + query[place]
    return ".".join(labels)
