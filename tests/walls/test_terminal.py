"""An attached agent gets a terminal of the box's own; the operator's is not within its reach."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.embedded import runtime_of
from tests.support.person import Person
from tests.walls.conftest import Box

ROOT = Path(__file__).parents[2]
ATTACHER = """
import sys
from pathlib import Path
from bottle.adapters.bubblewrap import commands
sys.exit(commands.attach(Path(sys.argv[1]), sys.argv[2:], {"TERM": "xterm"}))
"""
LOOK = """
import ctypes, errno, fcntl, json, os
libc = ctypes.CDLL(None, use_errno=True)
def checked(result):
    if result:
        raise OSError(ctypes.get_errno(), "ioctl")
def code(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"
TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS, TIOCGSID = 0x5412, 0x541C, 0x5423, 0x541D, 0x5429
with open("/dev/tty", "rb+", buffering=0) as own:
    typed = {
        "typed": code(lambda: fcntl.ioctl(0, TIOCSTI, b"x")),
        "typed on /dev/tty": code(lambda: fcntl.ioctl(own, TIOCSTI, b"x")),
        "typed with rubbish above": code(lambda: checked(libc.ioctl(0, ctypes.c_ulong(TIOCSTI | 1 << 32), b"x"))),
        "pasted": code(lambda: fcntl.ioctl(0, TIOCLINUX, b"\\3")),
        "discipline": code(lambda: fcntl.ioctl(0, TIOCSETD, b"\\2\\0\\0\\0")),
        "console": code(lambda: fcntl.ioctl(0, TIOCCONS)),
    }
names = [os.ttyname(number) for number in range(3)]
same = len({os.fstat(number).st_rdev for number in range(3)}) == 1
session = int.from_bytes(fcntl.ioctl(0, TIOCGSID, bytes(4)), "little")
print("LOOK" + json.dumps({"names": names, "same": same, "pts": sorted(os.listdir("/dev/pts")),
    "device": os.fstat(0).st_dev, "leads": session == os.getsid(0), **typed}) + "KOOL")
"""


@pytest.fixture
def seen(embedded: Box) -> dict[str, object]:
    """What an attached program finds at its terminal, and after it what it is on."""
    embedded.bottle.run(["sh", "-c", "cat > /tmp/look.py"], stdin=LOOK.encode())
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    program = [sys.executable, "-c", ATTACHER, str(runtime_of(embedded.bottle) / "box"), "python3", "/tmp/look.py"]
    person = Person(program, environment, ROOT)
    assert person.end() == 0, person.seen
    answer = person.seen.decode().partition("LOOK")[2].partition("KOOL")[0]
    found: dict[str, object] = json.loads(answer)
    return found


def test_nothing_can_be_typed_into_a_terminal(seen: dict[str, object]) -> None:
    ways = ("typed", "typed on /dev/tty", "typed with rubbish above", "pasted", "discipline")
    assert {seen[name] for name in ways} == {"EPERM"}
    assert seen["console"] in {"EPERM", "EACCES"}


def test_the_terminal_is_one_of_the_boxs_own(seen: dict[str, object]) -> None:
    """On a file system of terminals of its own, on which there is no other."""
    assert seen["names"] == ["/dev/pts/0"] * 3
    assert seen["same"]
    assert seen["leads"], "the command has this terminal and no other for its keys"
    assert seen["pts"] == ["0", "ptmx"]
    assert seen["device"] != Path("/dev/pts").stat().st_dev


def test_a_command_without_a_terminal_finds_none(embedded: Box) -> None:
    assert embedded.tries(("read", "/dev/tty")) == ["ENXIO"]
    assert "not a tty" in embedded.shell("tty")
    assert [name for name in embedded.shell("ls /dev/pts").split() if name != "ptmx"] == []
