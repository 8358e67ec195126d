"""The ways out of the box: sockets of its own network, on which only those outside accept."""

import socket

_BACKLOG = 1024


def open_door(port: int, descriptor: int) -> None:
    """Listens on the box's loopback and hands the listening socket through the Unix socket `descriptor`; keeps neither.

    Who accepts there speaks to the box's programs directly, with no relay between. Raises OSError.
    """
    with socket.socket(fileno=descriptor) as outside, socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", port))
        door.listen(_BACKLOG)
        socket.send_fds(outside, [b"\0"], [door.fileno()])
