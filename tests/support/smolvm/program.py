"""The program's commands, with its words and its exit statuses.

What it is to do wrong is said in its environment: SMOLVM_DOUBLE_VERSION, _KILL (numbers of commands since the start
that are killed before they begin), _DIES (the number of the command with which the machine goes), _START (why none
starts), _NETWORK=host (a machine that shares the host's network), _IMAGES (where images are unpacked to).
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tests.support.smolvm import images, machine, store
from tests.support.smolvm.arguments import Words, parse, refuse
from tests.support.smolvm.common import entry_of, fail, known, name_of, require_fit, require_secrets, version
from tests.support.smolvm.inside import copy, execute

_LABELS_SINCE = (1, 8, 0)


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
        fail(error.strerror or str(error))


def _create(words: Words) -> None:
    name = name_of(words)
    require_fit(name)
    if "--image" not in words:
        fail("config operation failed: create machine: this double makes machines of images alone")
    image = words["--image"][0]
    if image == "-":
        image = str(_kept(name, sys.stdin.buffer.read()))
    if not image.startswith(("/", "./", "../")) and not image.endswith((".tar", ".tar.gz")):
        fail("config operation failed: create machine: an image of a registry needs a network")
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
        "env": [entry_of(item) for item in words.get("--env", ())],
        "secret_refs": dict(item.split("=", 1) for item in words.get("--secret-env", ())),
        "execs": 0,
    }
    if not store.add(name, record):
        fail(f"config operation failed: create machine: machine '{name}' already exists or is being created")
    sys.stdout.write(f"Created machine: {name}\n  CPUs: {record['cpus']}, Memory: {record['memory_mib']} MiB\n\n")


def _start(words: Words) -> None:
    name = name_of(words)
    record = known(name)
    require_secrets(record)
    if record["state"] == "running":
        sys.stdout.write(f"Machine '{name}' already running (PID: {record['pid']})\n")
        return
    sys.stderr.write(f"Starting machine '{name}'...\n")
    if reason := os.environ.get("SMOLVM_DOUBLE_START"):
        fail(reason)
    directory = store.directory(name)
    directory.mkdir(parents=True, exist_ok=True)
    image, config = images.flattened(Path(record["image"]))
    process = machine.boot(directory, image, config, record)
    store.change(name, state="running", pid=process, execs=0, user=config.get("User") or "root")
    sys.stdout.write(f"Machine '{name}' running (PID: {process})\n")


def _stop(words: Words) -> None:
    name = name_of(words)
    record = known(name)
    if record["state"] != "running":
        sys.stdout.write(f"Machine '{name}' is not running (state: {record['state']})\n")
        return
    _end(name, record["pid"])
    sys.stdout.write(f"Stopping machine '{name}'...\nStopped machine: {name}\n")


def _delete(words: Words) -> None:
    """Stops it first, whatever the answer will be."""
    name = name_of(words)
    record = known(name)
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
    name = name_of(words)
    record = known(name)
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


def _data_dir(words: Words) -> None:
    sys.stdout.write(f"{store.directory(name_of(words))}\n")


def _pack(arguments: list[str]) -> NoReturn:
    """A registry's images alone: what a machine without one can ask for is refused."""
    if any(word.endswith(".smolmachine") for word in arguments):
        fail("config operation failed: pack create: the output must not end in .smolmachine")
    fail("agent operation failed: pull: no registry answers")


def _shown(name: str, record: store.Record) -> dict[str, object]:
    """As listings show it: neither addresses that it may reach nor values of its environment."""
    shown = {key: record[key] for key in ("state", "cpus", "memory_mib", "pid", "image", "network")}
    labels = {"labels": record["labels"]} if version() >= _LABELS_SINCE else {}
    return {"name": name, **shown, "mounts": 0, "ports": 0, "ephemeral": False, **labels}


def _kept(name: str, content: bytes) -> Path:
    directory = store.directory(name)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "image.tar").write_bytes(content)
    return directory / "image.tar"


def _end(name: str, process: int) -> None:
    machine.end(process)
    store.change(name, state="stopped", pid=None)


_COMMANDS: dict[str, Callable[[Words], None]] = {
    "create": _create,
    "start": _start,
    "stop": _stop,
    "delete": _delete,
    "status": _status,
    "ls": _ls,
    "exec": execute,
    "cp": copy,
    "data-dir": _data_dir,
}


if __name__ == "__main__":
    main()
