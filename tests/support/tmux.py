"""A real terminal for one program: tmux on a server of its own."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

PATIENCE = 30
_TRIES = 5
_LEAVING = 20
"""Seconds for a program to tidy up after its terminal went away."""
KEEP_STATUS = 'trap : INT HUP TERM; "$@"; echo $? > "$0"'
"""The program with its status in a file: tmux 3.3 loses some. A trap is not inherited, so signals meet it as ever."""


@frozen
class Terminal:
    """One pane. It stays when its program ends, so that the last screen and the status can be read."""

    socket: Path
    ended: Path
    server: int
    group: int
    """Processes: tmux's own, and the group of what runs in the pane."""

    def screen(self) -> str:
        """What is to be seen now."""
        return self._tmux("capture-pane", "-p")

    def type(self, text: str, *keys: str) -> None:
        """Types the text as it is, then presses the keys by name (`Enter`, `C-c`)."""
        if text:
            self._tmux("send-keys", "-l", "--", text)
            time.sleep(0.3)  # a program takes keys in one burst for pasted text
        for key in keys:
            self._tmux("send-keys", key)

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def wait_for(self, wanted: str | Callable[[str], bool], patience: float = PATIENCE) -> str:
        """The first screen that shows the text or satisfies the condition. Raises AssertionError with the last one."""
        deadline = time.monotonic() + patience
        while True:
            screen = self.screen()
            if wanted in screen if isinstance(wanted, str) else wanted(screen):
                return screen
            status = self.status()
            if status is not None and screen == self.screen():
                raise AssertionError(f"never seen, ended with status {status}: {wanted}\n{screen}")
            if time.monotonic() > deadline:
                raise AssertionError(f"never seen: {wanted}\n{screen}")
            time.sleep(0.1)

    def status(self) -> int | None:
        """The exit status of the program, None while it runs."""
        try:
            return int(self.ended.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def wait(self, patience: float = PATIENCE) -> int:
        """Its exit status, once it has one. Raises AssertionError when it goes on."""
        deadline = time.monotonic() + patience
        while (status := self.status()) is None:
            if time.monotonic() > deadline:
                raise AssertionError("it goes on")
            time.sleep(0.1)
        return status

    def leave_claude(self) -> int:
        """Claude Code's exit status after Ctrl-C twice. It waits a second for the other one: where that came too late,
        on a busy machine, both are pressed again. Raises AssertionError when it goes on."""
        again, ready = "Press Ctrl-C again to exit", "bypass permissions on"
        for _ in range(_TRIES):
            self.type("", "C-c")
            self.wait_for(lambda shown: again in shown or self.status() is not None)
            self.type("", "C-c")
            deadline = time.monotonic() + PATIENCE
            while self.status() is None and time.monotonic() < deadline:
                if ready in (shown := self.screen()) and again not in shown and self.status() is None:
                    break
                time.sleep(0.1)
            else:
                break
        return self.wait()

    def close(self) -> None:
        """Takes the terminal away from whatever runs in it."""
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, check=False)

    def sweep(self) -> None:
        """Ends whatever is left, also what does not heed that its terminal is gone."""
        self.close()
        deadline = time.monotonic() + _LEAVING
        while _is_there(self.group) and time.monotonic() < deadline:
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], capture_output=True, text=True, check=True)
        return done.stdout


@contextlib.contextmanager
def terminal(
    directory: Path, argv: Sequence[str], env: Mapping[str, str], *, columns: int = 100, rows: int = 30
) -> Iterator[Terminal]:
    """The program in a terminal of this size; both are gone after. `directory` holds tmux's socket and settings."""
    settings, socket, ended = directory / "tmux.conf", directory / "tmux", directory / "status"
    settings.write_text("set -g remain-on-exit on\nset -g default-terminal screen-256color\n")
    size = ["-x", str(columns), "-y", str(rows)]
    command = [
        "tmux",
        "-S",
        str(socket),
        "-f",
        str(settings),
        "new-session",
        "-d",
        "-P",
        *("-F", "#{pid} #{pane_pid}"),
        *size,
        "--",
        "sh",
        "-c",
        KEEP_STATUS,
        str(ended),
        *argv,
    ]
    environment = {**env, "TERM": os.environ.get("TERM", "xterm-256color")}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    server, group = done.stdout.split()
    opened = Terminal(socket, ended, int(server), int(group))
    try:
        yield opened
    finally:
        opened.sweep()


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
