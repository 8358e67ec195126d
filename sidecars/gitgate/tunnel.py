"""ssh's way through a proxy (ssh_config(5), ProxyCommand): a CONNECT for the upstream, then bytes both ways.

`python tunnel.py FILE`: the file names the proxy and has the whole request, with the credential, which so stands in no
argument. Standard library alone.
"""

import json
import os
import selectors
import socket
import sys
from pathlib import Path

_SECONDS = 20.0
_HEAD = 16384
_PIECE = 65536


class RefusedError(Exception):
    """The proxy does not open the connection. The message has nothing of what it said but the status."""


def main() -> int:
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        with socket.create_connection((settings["host"], settings["port"]), _SECONDS) as proxy:
            proxy.sendall(settings["request"].encode("ascii"))
            first = opened(proxy)
            proxy.settimeout(None)
            write_all(1, first)
            splice(proxy)
    except RefusedError as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(f"the upstream proxy is not reached: {error.strerror or type(error).__name__}")
    return 0


def opened(proxy: socket.socket) -> bytes:
    """What the upstream said already, once the proxy has opened the connection. Raises RefusedError, OSError."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = proxy.recv(_PIECE)
        head += piece
        if not piece or len(head) > _HEAD:
            raise RefusedError("the upstream proxy does not answer in HTTP")
    line, rest = head.partition(b"\r\n")[0].split(b" "), head.partition(b"\r\n\r\n")[2]
    if not line[0].startswith(b"HTTP/1.") or len(line) < 2 or not line[1].isdigit():
        raise RefusedError("the upstream proxy does not answer in HTTP")
    status = int(line[1])
    if status in (401, 407):
        raise RefusedError(f"the upstream proxy wants another credential in BOT_BOTTLE_UPSTREAM_PROXY ({status})")
    if not 200 <= status < 300:
        raise RefusedError(f"the upstream proxy refuses the connection ({status})")
    return rest


def splice(proxy: socket.socket) -> None:
    """Until the upstream has said all; the end of standard input is passed on."""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(proxy, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is proxy:
                    if not (piece := proxy.recv(_PIECE)):
                        return
                    write_all(1, piece)
                elif piece := os.read(0, _PIECE):
                    proxy.sendall(piece)
                else:
                    selector.unregister(0)
                    proxy.shutdown(socket.SHUT_WR)


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _failed(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
