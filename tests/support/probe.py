"""Runs inside a box: tries to get out by every way but the proxy, and prints as JSON what came of it.

Arguments: a JSON object with `tcp`, `device` (the same, past the routing table) and `udp`, each a list of
"address port", and `names`, to be resolved;
a word that stands first in each name that is asked of a resolver. Standard library alone.
"""

import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

TIMEOUT = 2
QUERY = b"\x12\x34\1\0\0\1\0\0\0\0\0\0"


def attempt(kind: str, target: str) -> str:
    address, _, port = target.partition(" ")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        if kind == "names":
            return f"resolved to {socket.getaddrinfo(address, 443)[0][4][0]}"
        with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as client:
            client.settimeout(TIMEOUT)
            if kind == "device":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            client.connect((address, int(port)))
            if kind != "udp":
                return "connected"
            labels = [sys.argv[2], address.replace(".", "-"), "example"]
            client.send(QUERY + b"".join(bytes([len(one)]) + one.encode() for one in labels) + b"\0\0\1\0\1")
            return f"answered, {len(client.recv(512))} bytes"
    except OSError as error:
        return f"{type(error).__name__}: {error.args[-1] if error.args else error}"


def main() -> None:
    wanted = [(kind, target) for kind, targets in json.loads(sys.argv[1]).items() for target in targets]
    with ThreadPoolExecutor(32) as pool:
        sys.stdout.write(json.dumps(list(pool.map(lambda pair: [*pair, attempt(*pair)], wanted))))


main()
