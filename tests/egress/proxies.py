"""Proxies that stand behind the way out: the real tinyproxy, and scripted ones for what it never does."""

import socket
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

from tests.egress.harness import wait_until
from tests.support.ports import free_port

USER, PASSWORD = "sam", "pw9f3a71c2d8"  # tinyproxy takes letters and digits alone


class TinyProxy:
    """Debian's tinyproxy as a process of its own."""

    def __init__(
        self,
        directory: Path,
        *,
        credential: tuple[str, str] | None = None,
        connect_ports: Iterable[int] = (),
        listen: str = "127.0.0.1",
    ) -> None:
        """`connect_ports` are the only ones to which it opens connections; none means all."""
        self._listen = listen
        self.port = free_port()
        self.log = directory / f"tinyproxy-{self.port}.log"
        lines = [
            f"Port {self.port}",
            f"Listen {listen}",
            "Timeout 30",
            f'LogFile "{self.log}"',
            "LogLevel Connect",
            *([f"BasicAuth {credential[0]} {credential[1]}"] if credential else []),
            *(f"ConnectPort {port}" for port in connect_ports),
        ]
        configuration = directory / f"tinyproxy-{self.port}.conf"
        configuration.write_text("\n".join([*lines, ""]))
        self.process = subprocess.Popen(
            ["tinyproxy", "-d", "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._listens)

    def seen(self) -> str:
        """What it wrote down of its clients."""
        return self.log.read_text() if self.log.exists() else ""

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def _listens(self) -> bool:
        assert self.process.poll() is None, "tinyproxy ended"
        with socket.socket() as probe:
            return probe.connect_ex((self._listen, self.port)) == 0


class Scripted:
    """Answers every CONNECT with `answer` (None: never; empty: hangs up) and, where that opens a tunnel and `leads_to`
    is given, joins it with that port."""

    def __init__(self, answer: bytes | None, leads_to: int | None = None) -> None:
        self.heads: list[bytes] = []
        self._answer, self._leads_to = answer, leads_to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # else whoever waits in `accept` would hold the port
        for one in (self._listener, *self._open):
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            self.heads.append(head)
            if self._answer is None:
                return
            connection.sendall(self._answer)
            if self._leads_to is None:
                connection.close()
                return
            far = socket.create_connection(("127.0.0.1", self._leads_to))
            self._open.append(far)
            threading.Thread(target=_pour, args=(far, connection), daemon=True).start()
            _pour(connection, far)
        except OSError:
            pass


def _pour(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
