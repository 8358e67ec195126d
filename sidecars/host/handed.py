"""A listening socket that is handed over.

One for TCP comes from inside the box: it is made in the box's network stack and so reached from there alone, and what
it accepts was never a packet on any network. One with a path comes from the launcher: a virtual machine has it mounted.
"""

import socket

from bottle.domain.strict_json import ConfigError

_FAMILIES = (socket.AF_INET, socket.AF_UNIX)
_SECONDS = 20.0  # until the box's first process hands it over


def take(descriptor: int) -> socket.socket:
    """The listening socket that comes over the Unix socket `descriptor`, which it closes.

    Raises ConfigError, OSError.
    """
    with socket.socket(fileno=descriptor) as channel:
        channel.settimeout(_SECONDS)
        try:
            _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        except TimeoutError:
            raise ConfigError("listen: nobody handed a socket over") from None
    if not descriptors:
        raise ConfigError("listen: the other side hung up before it handed a socket over")
    handed = socket.socket(fileno=descriptors[0])
    if handed.family not in _FAMILIES or not handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        handed.close()
        raise ConfigError("listen: what was handed over is no listening socket")
    return handed
