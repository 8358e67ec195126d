"""A server of the operator's network that no manifest names, and an operator at a second terminal who says yes."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.bottle_cli import BottleCli, Done
from tests.support.standin_tls import ServerTls

HARBOUR = b"three ships"


@contextmanager
def harbour(tls: ServerTls, address: str) -> Iterator[int]:
    """Serves the list of ships; the port."""
    server = http.server.ThreadingHTTPServer((address, 0), _Handler)
    server.daemon_threads = True
    server.socket = tls.context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def agreeing(cli: BottleCli, *how: str) -> Iterator[list[Done]]:
    """Inside, whatever is asked is approved in this way; what was said to that, in order."""
    answers: list[Done] = []
    over = threading.Event()
    state = Path(cli.env["BOT_BOTTLE_HOME"]) / "state"

    def watch() -> None:
        answered: set[str] = set()
        while not over.wait(0.2):
            # Looked for among the files, for a process each time would keep the machine busy.
            for number in {path.stem for path in state.glob("*/supervise/asked/*.json")} - answered:
                answered.add(number)
                answers.append(cli.run("supervise", "approve", number, "--json", *how, timeout=300))

    operator = threading.Thread(target=watch)
    operator.start()
    try:
        yield answers
    finally:
        over.set()
        operator.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(HARBOUR)))
        self.end_headers()
        self.wfile.write(HARBOUR)

    def log_message(self, *_: object) -> None:
        """Nothing is said."""
