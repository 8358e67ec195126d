"""A machine under way: a first process in namespaces of its own, and the agent that runs commands beside it.

The agent is outside, as it is for a virtual machine's user: it ends a command whose caller goes away, and carries
connections to the sockets of the host's that are mounted.
"""

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

_LIBRARY = ctypes.CDLL(None, use_errno=True)
_NEWNS, _NEWUTS, _NEWIPC, _NEWPID, _NEWNET = 0x00020000, 0x04000000, 0x08000000, 0x20000000, 0x40000000
_PRIVATE, _BIND, _DETACH, _PDEATHSIG = 0x44000, 0x1000, 2, 1
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONTROL = "agent.sock"


def boot(directory: Path, image: Path, config: dict[str, Any], record: dict[str, Any]) -> int:
    """Starts the machine and returns its agent's process. Raises OSError when it does not come up."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        agent = os.fork()
        if agent:
            os._exit(0)
        os.close(reader)
        _serve(directory, image, config, record, writer)
    os.close(writer)
    with os.fdopen(reader) as told:
        words = told.readline().strip().split(" ", 1)
    if not words[0].isdecimal():
        raise OSError(f"agent operation failed: boot: {' '.join(words)}")
    return int(words[0])


def _serve(directory: Path, image: Path, config: dict[str, Any], record: dict[str, Any], told: int) -> NoReturn:
    try:
        _silence()
        control = _listen(directory / CONTROL, 0o600)
        for number, host in enumerate(record["sockets"]):
            _carry(_listen(directory / f"socket-{number}", 0o777), host)
        keeper, first = _first_process(directory, image, record)
        os.write(told, f"{os.getpid()}\n".encode())
        os.close(told)
        threading.Thread(target=_end_with, args=(keeper,), daemon=True).start()
        while True:
            caller, _ = control.accept()
            threading.Thread(target=_answer, args=(caller, first, config), daemon=True).start()
    except (OSError, KeyError) as error:
        os.write(told, f"failed {error}\n".encode())
        os._exit(1)


def _silence() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.chdir("/")


def _end_with(keeper: int) -> None:
    os.waitpid(keeper, 0)
    os._exit(0)


def end(agent: int) -> None:
    """Ends the agent, and with it the machine."""
    try:
        os.kill(agent, signal.SIGKILL)
    except ProcessLookupError:
        pass
    deadline = time.monotonic() + 60
    while Path(f"/proc/{agent}").exists() and time.monotonic() < deadline:
        time.sleep(0.005)


def first_of(agent: int) -> int:
    """The first process of the machine that the agent serves."""
    keeper = _only_child(agent)
    return _only_child(keeper)


def _only_child(process: int) -> int:
    return int(Path(f"/proc/{process}/task/{process}/children").read_text().split()[0])


# The first process, and what it sees.


def _first_process(directory: Path, image: Path, record: dict[str, Any]) -> tuple[int, int]:
    """The process that waits for the first one, which is in the namespace of its children alone, and the first one."""
    told, tell = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        try:
            _LIBRARY.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            _check(_LIBRARY.unshare(_NEWPID))
            ready, done = os.pipe()
            first = os.fork()
            if first == 0:
                _LIBRARY.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                _settle(directory, image, record)
                os.write(done, b"1")
                _reap()
            os.close(done)
            os.write(tell, str(first).encode() if os.read(ready, 1) else b"0")
            os.waitpid(first, 0)
        finally:
            os._exit(1)
    os.close(tell)
    first = int(os.read(told, 32) or b"0")
    os.close(told)
    if not first:
        raise OSError("the guest did not come up")
    return keeper, first


def _settle(directory: Path, image: Path, record: dict[str, Any]) -> None:
    has_device = record["network"] or os.environ.get("SMOLVM_DOUBLE_NETWORK") == "host"
    _check(_LIBRARY.unshare(_NEWNS | _NEWUTS | _NEWIPC | (0 if has_device else _NEWNET)))
    if not has_device:
        _raise_loopback()
    _mount(None, "/", None, _PRIVATE)
    root = directory / "root"
    for name in ("root", "upper", "work"):
        (directory / name).mkdir(exist_ok=True)
    layers = f"lowerdir={image},upperdir={directory}/upper,workdir={directory}/work"
    _mount("overlay", str(root), "overlay", 0, layers)
    for place, mode in (("tmp", "1777"), ("run", "755"), ("dev", "755")):
        (root / place).mkdir(exist_ok=True)
        _mount("tmpfs", str(root / place), "tmpfs", 0, f"mode={mode}")
    _furnish_devices(root)
    (root / "proc").mkdir(exist_ok=True)
    _mount("proc", str(root / "proc"), "proc")
    for number, guest in enumerate(record["sockets"].values()):
        (root / guest.lstrip("/")).touch()
        _mount(str(directory / f"socket-{number}"), str(root / guest.lstrip("/")), None, _BIND)
    os.chdir(root)
    _check(_LIBRARY.pivot_root(b".", b"."))
    _check(_LIBRARY.umount2(b".", _DETACH))
    socket.sethostname("smolvm")


def _furnish_devices(root: Path) -> None:
    for name in _DEVICES:
        (root / "dev" / name).touch()
        _mount(f"/dev/{name}", str(root / "dev" / name), None, _BIND)
    for name, kind, options in (("pts", "devpts", "newinstance,ptmxmode=666"), ("shm", "tmpfs", "mode=1777")):
        (root / "dev" / name).mkdir()
        _mount(kind, str(root / "dev" / name), kind, 0, options)
    for name, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0")):
        (root / "dev" / name).symlink_to(target)


def _raise_loopback() -> None:
    with socket.socket() as anything:
        fcntl.ioctl(anything, 0x8914, struct.pack("16sH14x", b"lo", 0x41))  # SIOCSIFFLAGS: up and running


def _reap() -> NoReturn:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.sigtimedwait({signal.SIGCHLD}, 0.2)


# The agent.


def _answer(caller: socket.socket, first: int, config: dict[str, Any]) -> None:
    """One command, which ends with its caller unless it was detached."""
    with caller:
        data, streams, _, _ = socket.recv_fds(caller, 1 << 20, 3)
        asked = json.loads(data)
        process = subprocess.Popen(
            ["nsenter", f"--target={first}", "-m", "-u", "-i", "-n", "-p", "-r", *_inside(asked, first, config)],
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            start_new_session=True,
            env={},
        )
        for stream in streams:
            os.close(stream)
        if asked["detached"]:
            caller.sendall(json.dumps({"pid": process.pid}).encode())
            return
        threading.Thread(target=_end_with_caller, args=(caller, process), daemon=True).start()
        status = process.wait()
        try:
            caller.sendall(json.dumps({"status": status if status >= 0 else 128 - status}).encode())
            caller.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _end_with_caller(caller: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    try:
        caller.recv(1)
    except OSError:
        pass
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def _inside(asked: dict[str, Any], first: int, config: dict[str, Any]) -> list[str]:
    """The rest of the words of nsenter: as the image's user, with the image's environment."""
    user, group = _number(asked["user"], Path(f"/proc/{first}/root/etc/passwd"))
    env = dict(item.split("=", 1) for item in config.get("Env") or ())
    env = {"PATH": _PATH, "HOME": "/root", **env, **asked["env"]}
    workdir = asked["workdir"] or config.get("WorkingDir") or "/"
    words = [f"--wd=/proc/{first}/root{workdir}", f"--setuid={user}", f"--setgid={group}", "--"]
    return [*words, "/usr/bin/env", "-i", *(f"{name}={value}" for name, value in env.items()), *asked["argv"]]


def _number(user: str, passwd: Path) -> tuple[int, int]:
    name = user.partition(":")[0] or "root"
    for line in passwd.read_text().splitlines():
        fields = line.split(":")
        if name in (fields[0], fields[2]):
            return int(fields[2]), int(fields[3])
    raise OSError(f"no user {name}")


# Sockets.


def _listen(path: Path, mode: int) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(mode)
    listener.listen(128)
    return listener


def _carry(listener: socket.socket, host: str) -> None:
    """Connections to the listener go to the socket of the host's, as long as the machine runs."""

    def accept() -> None:
        while True:
            inner, _ = listener.accept()
            outer = socket.socket(socket.AF_UNIX)
            try:
                outer.connect(host)
            except OSError:
                inner.close()
                continue
            for source, target in ((inner, outer), (outer, inner)):
                threading.Thread(target=_pour, args=(source, target), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def _pour(source: socket.socket, target: socket.socket) -> None:
    _tried(lambda: _copy(source, target))
    _tried(lambda: target.shutdown(socket.SHUT_WR))


def _copy(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)


def _tried(action: Callable[[], None]) -> None:
    try:
        action()
    except OSError:
        pass


def _mount(source: str | None, target: str, kind: str | None, flags: int = 0, data: str = "") -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    _check(_LIBRARY.mount(*words, ctypes.c_ulong(flags), data.encode() or None), target)


def _check(result: int, what: str = "") -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what or sys._getframe(1).f_code.co_name)
