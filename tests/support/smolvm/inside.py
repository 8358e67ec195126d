"""The commands that reach into a machine that runs: `exec` and `cp`."""

import json
import os
import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from tests.support.smolvm import machine, store
from tests.support.smolvm.arguments import Words
from tests.support.smolvm.common import entry_of, fail, known, name_of, require_secrets, version

BUFFERED = 11 * 1024 * 1024
USER_SINCE = (1, 6, 0)
"""Since when commands run as the image's user."""


def execute(words: Words) -> None:
    name = name_of(words)
    record = known(name)
    require_secrets(record)
    if record["state"] != "running":
        hint = f"Use 'smolvm machine start --name {name}' first."
        fail(f"agent operation failed: connect: machine '{name}' is not running. {hint}")
    number = str(int(record["execs"]) + 1)
    store.change(name, execs=int(number))
    if number in os.environ.get("SMOLVM_DOUBLE_KILL", "").split(","):
        sys.exit(128 + signal.SIGKILL)
    if number == os.environ.get("SMOLVM_DOUBLE_DIES"):
        machine.end(record["pid"])
        store.change(name, state="stopped", pid=None)
        fail("agent operation failed: vm exec: connection reset by peer")
    _run(words, record, store.directory(name) / machine.CONTROL)


def _run(words: Words, record: store.Record, control: Path) -> None:
    sys.stderr.write("WARN smolvm::agent: a double\n")
    if "--tty" in words:
        fail("agent operation failed: vm exec: this double has no terminals")
    detached, live = "--detach" in words, {"--interactive", "--stream"} & words.keys()
    user = record["user"] if version() >= USER_SINCE else "root"
    asked = {
        "argv": words["COMMAND"],
        "env": dict([*record["env"], *(entry_of(item) for item in words.get("--env", ()))]),
        "workdir": words.get("--workdir", [""])[0],
        "user": words.get("--user", [user])[0],
        "detached": detached,
    }
    # Streams are this process's own: whoever kills it closes them, and the command hears of it.
    null = os.open(os.devnull, os.O_RDWR)
    its_input, feed = os.pipe() if "--interactive" in words else (null, null)
    pipes = [] if detached else [os.pipe(), os.pipe()]
    outputs = [writer for _, writer in pipes] or [null, null]
    with socket.socket(socket.AF_UNIX) as agent:
        agent.connect(str(control))
        socket.send_fds(agent, [json.dumps(asked).encode()], [its_input, *outputs])
        for descriptor in {its_input, *outputs} - {null}:
            os.close(descriptor)
        if feed != null:
            _passed_on(0, feed)
        seconds = words.get("--timeout", [""])[0].removesuffix("s")
        deadline = time.monotonic() + float(seconds or "inf")
        readers = [reader for reader, _ in pipes]
        passing = [_passed_on(reader, stream) for stream, reader in enumerate(readers, 1)] if live else []
        heard = [] if live else _gathered(readers, deadline)
        _answered(agent, heard, passing, deadline)


def _passed_on(source: int, target: int) -> threading.Thread:
    """What comes from the one goes to the other, which ends with it."""

    def pass_on() -> None:
        try:
            while data := os.read(source, 65536):
                while data:
                    data = data[os.write(target, data) :]
        except OSError:
            pass
        os.close(target)

    thread = threading.Thread(target=pass_on, daemon=True)
    thread.start()
    return thread


def _answered(agent: socket.socket, heard: list[bytes], passing: list[threading.Thread], deadline: float) -> None:
    left = deadline - time.monotonic()
    agent.settimeout(None if left == float("inf") else max(left, 0.001))
    try:
        answer = agent.recv(4096)
    except TimeoutError:
        sys.exit(124)
    if not answer:
        fail("agent operation failed: vm exec: the connection was closed")
    told = json.loads(answer)
    if "pid" in told:
        sys.stdout.write(f"{told['pid']}\n")
        return
    if sum(map(len, heard)) and max(map(len, heard)) > BUFFERED:
        fail("agent operation failed: vm exec: the output is larger than 11 MiB; use --stream")
    for stream, content in zip((sys.stdout, sys.stderr), heard, strict=False):
        stream.buffer.write(content)
        stream.flush()
    for thread in passing:
        thread.join(5)  # processes that were left behind may hold them open
    os._exit(told["status"])


def _gathered(readers: list[int], deadline: float) -> list[bytes]:
    """What comes through the pipes, until all have ended or time is up."""
    heard = {reader: bytearray() for reader in readers}
    left = set(readers)
    while left and (seconds := deadline - time.monotonic()) > 0:
        for reader in select.select(left, [], [], min(seconds, 60))[0]:
            data = os.read(reader, 65536)
            heard[reader] += data
            if not data:
                left.discard(reader)
    return [bytes(content) for content in heard.values()]


def copy(words: Words) -> None:
    """Uploads of regular files."""
    source, target = words["COMMAND"]
    if ":" in source:
        fail("agent operation failed: cp: this double uploads alone")
    name, _, path = target.partition(":")
    record = known(name)
    if record["state"] != "running":
        fail(f"agent operation failed: connect: machine '{name}' is not running.")
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        fail(f"agent operation failed: read source file: {error.strerror} (os error {error.errno})")
    first = machine.first_of(record["pid"])
    place = Path(f"/proc/{first}/root") / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    os.chown(place, int(words.get("--uid", ["0"])[0]), int(words.get("--gid", ["0"])[0]))
    sys.stderr.write(f"Uploading {source} -> {target}: {len(content)} B (100.0%)\n")
