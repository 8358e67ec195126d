"""git's pre-receive hook (githooks(5)): asks the gate, passes on what it says, and its answer. Standard library alone.

What it prints reaches the agent's terminal as `remote: ...`. Without an answer the push is refused.
"""

import json
import os
import socket
import sys

ACCEPTED = b"!accepted\n"
REFUSED = b"!refused\n"


def main() -> int:
    question = {
        "push": os.environ.get("GATE_PUSH", ""),
        "quarantine": os.environ.get("GIT_QUARANTINE_PATH", ""),
        "updates": sys.stdin.buffer.read().decode(errors="surrogateescape"),
    }
    with socket.socket(socket.AF_UNIX) as gate:
        gate.connect(os.environ["GATE_SOCKET"])
        gate.sendall(json.dumps(question).encode() + b"\n")
        for line in gate.makefile("rb"):
            if line == ACCEPTED:
                return 0
            if line == REFUSED:
                return 1
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    return 1


if __name__ == "__main__":
    sys.exit(main())
