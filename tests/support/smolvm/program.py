"""The program's commands, with its words and its exit statuses.

What it is to do wrong is said in its environment: SMOLVM_DOUBLE_VERSION, _KILL (numbers of commands since the start
that are killed before they begin), _DIES (the number of the command with which the machine goes), _START (why none
starts), _NETWORK=host (a machine that shares the host's network), _IMAGES (where images are unpacked to).
"""

import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tests.support.smolvm import images, machine, store
from tests.support.smolvm.arguments import Words, parse, refuse

BUFFERED = 11 * 1024 * 1024
USER_SINCE = (1, 6, 0)
"""Since when commands run as the image's user."""
_LABELS_SINCE = (1, 8, 0)


def version() -> tuple[int, ...]:
    return tuple(map(int, os.environ.get("SMOLVM_DOUBLE_VERSION", "1.9.2").split(".")))


def main() -> None:
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        sys.stdout.write(f"smolvm {'.'.join(map(str, version()))}\n")
        return
    if arguments[:1] == ["pack"]:
        _pack(arguments[1:])
    if arguments[:1] not in (["machine"], ["vm"]) or len(arguments) < 2:
        refuse(f"unrecognized subcommand '{' '.join(arguments[:1])}'")
    command = {"rm": "delete", "list": "ls"}.get(arguments[1], arguments[1])
    words = parse(command, arguments[2:], version())
    try:
        _COMMANDS[command](words)
    except OSError as error:
        _fail(error.strerror or str(error))


def _create(words: Words) -> None:
    name = _name(words)
    if "--image" not in words:
        _fail("config operation failed: create machine: this double makes machines of images alone")
    image = words["--image"][0]
    if image == "-":
        image = str(_kept(name, sys.stdin.buffer.read()))
    if not image.startswith(("/", "./", "../")) and not image.endswith((".tar", ".tar.gz")):
        _fail("config operation failed: create machine: an image of a registry needs a network")
    allowed = words.get("--allow-cidr", [])
    record = {
        "state": "created",
        "pid": None,
        "image": image,
        "cpus": int(words.get("--cpus", ["4"])[0]),
        "memory_mib": int(words.get("--mem", ["8192"])[0]),
        "labels": dict(label.split("=", 1) for label in words.get("--label", ())),
        "sockets": dict(spec.split(":", 1) for spec in words.get("--mount-socket", ())),
        "network": "--net" in words or bool(allowed),
        "allowed_cidrs": allowed,
        "env": [_env(item) for item in words.get("--env", ())],
        "secret_refs": dict(item.split("=", 1) for item in words.get("--secret-env", ())),
        "execs": 0,
    }
    if not store.add(name, record):
        _fail(f"config operation failed: create machine: machine '{name}' already exists or is being created")
    sys.stdout.write(f"Created machine: {name}\n  CPUs: {record['cpus']}, Memory: {record['memory_mib']} MiB\n\n")


def _start(words: Words) -> None:
    name = _name(words)
    record = _known(name)
    _check_secrets(record)
    if record["state"] == "running":
        sys.stdout.write(f"Machine '{name}' already running (PID: {record['pid']})\n")
        return
    sys.stderr.write(f"Starting machine '{name}'...\n")
    if reason := os.environ.get("SMOLVM_DOUBLE_START"):
        _fail(reason)
    directory = store.directory(name)
    directory.mkdir(parents=True, exist_ok=True)
    image, config = images.flattened(Path(record["image"]))
    process = machine.boot(directory, image, config, record)
    store.change(name, state="running", pid=process, execs=0, user=config.get("User") or "root")
    sys.stdout.write(f"Machine '{name}' running (PID: {process})\n")


def _stop(words: Words) -> None:
    name = _name(words)
    record = _known(name)
    if record["state"] != "running":
        sys.stdout.write(f"Machine '{name}' is not running (state: {record['state']})\n")
        return
    _end(name, record["pid"])
    sys.stdout.write(f"Stopping machine '{name}'...\nStopped machine: {name}\n")


def _delete(words: Words) -> None:
    """Stops it first, whatever the answer will be."""
    name = _name(words)
    record = _known(name)
    if record["state"] == "running":
        _end(name, record["pid"])
        sys.stdout.write(f"Stopping machine '{name}'...\n")
    if "--force" not in words:
        sys.stderr.write(f"Delete machine '{name}'? [y/N] ")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            sys.stdout.write("Cancelled\n")
            return
    shutil.rmtree(store.directory(name), ignore_errors=True)
    store.remove(name)
    sys.stdout.write(f"Cleaning up data directory for vm: {name}\nDeleted machine: {name}\n")


def _status(words: Words) -> None:
    name = _name(words)
    record = _known(name)
    if "--json" in words:
        sys.stdout.write(json.dumps(_shown(name, record)) + "\n")
        return
    state = f"running (PID: {record['pid']})" if record["state"] == "running" else record["state"]
    sys.stdout.write(f"Machine '{name}': {state}\n")


def _ls(words: Words) -> None:
    shown = [_shown(name, record) for name, record in store.records().items()]
    if "--json" in words:
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
        return
    lines = [f"{item['name']}  {item['state']}" for item in shown]
    sys.stdout.write("\n".join(lines or ["No machines found"]) + "\n")


def _exec(words: Words) -> None:
    name = _name(words)
    record = _known(name)
    _check_secrets(record)
    if record["state"] != "running":
        hint = f"Use 'smolvm machine start --name {name}' first."
        _fail(f"agent operation failed: connect: machine '{name}' is not running. {hint}")
    number = str(int(record["execs"]) + 1)
    store.change(name, execs=int(number))
    if number in os.environ.get("SMOLVM_DOUBLE_KILL", "").split(","):
        sys.exit(128 + signal.SIGKILL)
    if number == os.environ.get("SMOLVM_DOUBLE_DIES"):
        _end(name, record["pid"])
        _fail("agent operation failed: vm exec: connection reset by peer")
    _run(words, record, store.directory(name) / machine.CONTROL)


def _run(words: Words, record: store.Record, control: Path) -> None:
    sys.stderr.write("WARN smolvm::agent: a double\n")
    if "--tty" in words:
        _fail("agent operation failed: vm exec: this double has no terminals")
    detached, live = "--detach" in words, {"--interactive", "--stream"} & words.keys()
    user = record["user"] if version() >= USER_SINCE else "root"
    asked = {
        "argv": words["COMMAND"],
        "env": dict([*record["env"], *(_env(item) for item in words.get("--env", ()))]),
        "workdir": words.get("--workdir", [""])[0],
        "user": words.get("--user", [user])[0],
        "detached": detached,
    }
    null = os.open(os.devnull, os.O_RDWR)
    stdin = 0 if "--interactive" in words else null
    pipes = [] if live or detached else [os.pipe(), os.pipe()]
    outputs = [writer for _, writer in pipes] or ([null, null] if detached else [1, 2])
    with socket.socket(socket.AF_UNIX) as agent:
        agent.connect(str(control))
        socket.send_fds(agent, [json.dumps(asked).encode()], [stdin, *outputs])
        for _, writer in pipes:
            os.close(writer)
        os.close(null)
        seconds = words.get("--timeout", [""])[0].removesuffix("s")
        deadline = time.monotonic() + float(seconds or "inf")
        heard = _gathered([reader for reader, _ in pipes], deadline)
        _answered(agent, heard, deadline)


def _answered(agent: socket.socket, heard: list[bytes], deadline: float) -> None:
    left = deadline - time.monotonic()
    agent.settimeout(None if left == float("inf") else max(left, 0.001))
    try:
        answer = agent.recv(4096)
    except TimeoutError:
        sys.exit(124)
    if not answer:
        _fail("agent operation failed: vm exec: the connection was closed")
    told = json.loads(answer)
    if "pid" in told:
        sys.stdout.write(f"{told['pid']}\n")
        return
    if sum(map(len, heard)) and max(map(len, heard)) > BUFFERED:
        _fail("agent operation failed: vm exec: the output is larger than 11 MiB; use --stream")
    for stream, content in zip((sys.stdout, sys.stderr), heard, strict=False):
        stream.buffer.write(content)
        stream.flush()
    sys.exit(told["status"])


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


def _cp(words: Words) -> None:
    """Uploads of regular files."""
    source, target = words["COMMAND"]
    if ":" in source:
        _fail("agent operation failed: cp: this double uploads alone")
    name, _, path = target.partition(":")
    record = _known(name)
    if record["state"] != "running":
        _fail(f"agent operation failed: connect: machine '{name}' is not running.")
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        _fail(f"agent operation failed: read source file: {error.strerror} (os error {error.errno})")
    first = machine.first_of(record["pid"])
    place = Path(f"/proc/{first}/root") / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    os.chown(place, int(words.get("--uid", ["0"])[0]), int(words.get("--gid", ["0"])[0]))
    sys.stderr.write(f"Uploading {source} -> {target}: {len(content)} B (100.0%)\n")


def _data_dir(words: Words) -> None:
    sys.stdout.write(f"{store.directory(_name(words))}\n")


def _pack(arguments: list[str]) -> NoReturn:
    """A registry's images alone: what a machine without one can ask for is refused."""
    if any(word.endswith(".smolmachine") for word in arguments):
        _fail("config operation failed: pack create: the output must not end in .smolmachine")
    _fail("agent operation failed: pull: no registry answers")


def _name(words: Words) -> str:
    return words.get("--name", ["default"])[0]


def _known(name: str) -> store.Record:
    record = store.records().get(name)
    if record is None:
        _fail(f"vm not found: {name}")
    return record


def _shown(name: str, record: store.Record) -> dict[str, object]:
    """As listings show it: neither addresses that it may reach nor values of its environment."""
    shown = {key: record[key] for key in ("state", "cpus", "memory_mib", "pid", "image", "network")}
    labels = {"labels": record["labels"]} if version() >= _LABELS_SINCE else {}
    return {"name": name, **shown, "mounts": 0, "ports": 0, "ephemeral": False, **labels}


def _env(item: str) -> list[str]:
    """A name alone takes this process's value, which is kept."""
    name, equals, value = item.partition("=")
    return [name, value if equals else os.environ.get(name, "")]


def _check_secrets(record: store.Record) -> None:
    for variable in record["secret_refs"].values():
        if variable not in os.environ:
            _fail(f"config operation failed: secret: the variable {variable} is not set")


def _kept(name: str, content: bytes) -> Path:
    directory = store.directory(name)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "image.tar").write_bytes(content)
    return directory / "image.tar"


def _end(name: str, process: int) -> None:
    """Ends the agent, and with it the machine."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass
    deadline = time.monotonic() + 60
    while Path(f"/proc/{process}").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    store.change(name, state="stopped", pid=None)


def _fail(message: str) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.write(f"Error: {message}\n")
    sys.exit(1)


_COMMANDS: dict[str, Callable[[Words], None]] = {
    "create": _create,
    "start": _start,
    "stop": _stop,
    "delete": _delete,
    "status": _status,
    "ls": _ls,
    "exec": _exec,
    "cp": _cp,
    "data-dir": _data_dir,
}


if __name__ == "__main__":
    main()
