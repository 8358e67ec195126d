"""The guest's side in a real virtual machine, emulated: another kernel than this host's, and no network device.

`make guest` fetches the kernel and says that this is wanted. About one boot in seven hangs without a word, under
emulation; a watchdog ends it and it is tried again.
"""

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bottle.adapters.bubblewrap.seccomp import box_filter
from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.smolmachines import furnish, proof
from bottle.adapters.smolmachines.conversation import GUEST, _frame
from bottle.domain.provision import GUEST_HOME, GuestFile
from tests.support import bottles, smolmachines
from tests.support.requirements import require
from tests.support.smolvm.images import flattened

KERNEL = os.environ.get("BOTTLE_GUEST_KERNEL", "")
pytestmark = pytest.mark.timeout(600)

BOOTS = 4
SECONDS = 60
PROGRAMS = (
    "sh",
    "env",
    "python3",
    "tar",
    "cat",
    "id",
    "stat",
    "sleep",
    "mount",
    "base64",
    "mkfifo",
    "timeout",
    "printenv",
)
HOST = """\
import fcntl, socket, struct
with socket.socket() as anything:
    fcntl.ioctl(anything, 0x8914, struct.pack("16sH14x", b"lo", 0x41))
listener = socket.socket(socket.AF_UNIX)
listener.bind("/run/bottle-8888")
listener.listen()
import os
os.chmod("/run/bottle-8888", 0o777)
while True:
    caller, _ = listener.accept()
    caller.recv(4096)
    caller.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\nbottle egress")
    caller.close()
"""
INIT = """\
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc; mount -t devtmpfs dev /dev; mount -t tmpfs run /run; mount -t tmpfs -o mode=1777 tmp /tmp
exec </dev/ttyS0 >/dev/ttyS0 2>&1
say() {{ echo "BEGIN $1"; base64; echo "END $1"; }}
{unpack} </in/archive.tar >/tmp/said 2>&1; echo "status $?" >>/tmp/said; say unpack </tmp/said
python3 /in/host.py & sleep 1
{guest} relay /run/bottle-8888=8888 &
ask() {{
  mkfifo "/tmp/$1"; timeout 40 {guest} <"/tmp/$1" >/tmp/said &
  exec 3>"/tmp/$1"; cat "/in/$1" >&3; wait $!; exec 3>&-; say "$1" </tmp/said
}}
for request in settle probe agent; do ask $request; done
echo o >/proc/sysrq-trigger; sleep 60
"""
AGENT = "id -u; cat ~/notes; stat -c '%u:%g %a' ~/notes /opt/bottle/lib /run/bottle; printenv CLOSED; kill -9 $$"


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """What the machine said, by what it was asked."""
    for program in ("qemu-system-x86_64", "cpio", "tar"):
        require(program)
    root = tmp_path_factory.mktemp("guest") / "root"
    image, _ = flattened(smolmachines.archive_of(smolmachines.images_for_tests()[0]))
    _copy_system(image, root)
    _write_requests(root / "in")
    words = " ".join(map(shlex.quote, GUEST))
    (root / "init").write_text(INIT.format(unpack=shlex.join(furnish.UNPACK), guest=words))
    (root / "init").chmod(0o755)
    archive = root.parent / "initramfs"
    names = b"\n".join(os.fsencode(path.relative_to(root)) for path in sorted(root.rglob("*")))
    with archive.open("wb") as file:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names, stdout=file, check=True)
    return _booted(archive)


def test_the_archive_is_unpacked_by_root(said: Mapping[str, bytes]) -> None:
    assert said["unpack"] == b"status 0\n"


def test_it_is_settled_and_its_walls_are_proved(said: Mapping[str, bytes]) -> None:
    """By the judgement of a start: the relay carries, nobody else can be reached, the bottle's authority is trusted."""
    with proof.trap() as trap:
        proof.judge(_outputs(said["probe"])[b"1"], trap)
    assert json.loads(_outputs(said["settle"])[b"x"]) == {"status": 0}


def test_the_agent_is_nobody_in_particular_there(said: Mapping[str, bytes]) -> None:
    """Its number, its files and their modes, root's own, its environment, and the status of its end."""
    told = _outputs(said["agent"])
    words = ["1000", "from the host", "1000:1000 600", "0:0 755", "0:0 700", "a value"]
    assert told[b"1"].decode().splitlines() == words, told
    assert json.loads(told[b"x"]) == {"status": 137}


def _copy_system(image: Path, root: Path) -> None:
    """A shell, Python and what they need, as the image has them."""
    for folder in ("proc", "dev", "run", "tmp", "etc/ssl/certs/java", "in", "home/node", "usr/bin", "usr/lib"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    os.chown(root / "home/node", 1000, 1000)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to("usr/bin" if name.endswith("bin") else f"usr/{name}")
    for name in PROGRAMS:
        shutil.copy(image / "usr/bin" / name, root / "usr/bin" / name)
    shutil.copytree(
        image / "usr/lib/python3.11", root / "usr/lib/python3.11", symlinks=True, ignore=shutil.ignore_patterns("test*")
    )
    for library in _libraries(image):
        source, target = image / library.lstrip("/"), root / library.lstrip("/")
        target.resolve().parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    for name in ("passwd", "group", "nsswitch.conf"):
        shutil.copy(image / "etc" / name, root / "etc" / name)


def _libraries(image: Path) -> set[str]:
    """The paths of those that the programs and Python's own modules load."""
    users = [f"/usr/bin/{name}" for name in PROGRAMS]
    users += [f"/{path.relative_to(image)}" for path in image.glob("usr/lib/python3.11/lib-dynload/_*types.*.so")]
    listed = subprocess.run(["chroot", image, "ldd", *users], capture_output=True, text=True, check=True).stdout
    return {word for word in listed.split() if word.startswith("/") and not word.endswith(":")}


def _write_requests(folder: Path) -> None:
    plan = bottles.a_plan(
        (smolmachines.images_for_tests()), files=[GuestFile(f"{GUEST_HOME}/notes", b"from the host\n", mode=0o600)]
    )
    authority = bottles.certificates().authority
    folder.joinpath("archive.tar").write_bytes(b"".join(furnish.archive(plan, authority, b"", FakeProgress())))
    folder.joinpath("host.py").write_text(HOST)
    settings = furnish.settings(plan, {"CLOSED": "a value"}, [8888], box_filter("x86_64"))
    with proof.trap() as trap:
        probe = proof.command(plan.proxy, trap)
    requests = {
        "settle": {"do": "settle", **settings},
        "probe": {"do": "run", "argv": probe},
        "agent": {"do": "run", "argv": ["sh", "-c", AGENT]},
    }
    for name, request in requests.items():
        folder.joinpath(name).write_bytes(_frame(b"h", json.dumps(request).encode()) + _frame(b"e", b""))


def _booted(initramfs: Path) -> Mapping[str, bytes]:
    words = ["qemu-system-x86_64", "-accel", "tcg", "-m", "1024", "-nographic", "-no-reboot", "-nic", "none"]
    words += ["-kernel", KERNEL, "-initrd", str(initramfs), "-append", "console=ttyS0 quiet panic=-1"]
    console = b""
    for _ in range(BOOTS):
        try:
            console = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
            ).stdout
        except subprocess.TimeoutExpired as late:
            console = late.stdout or b""
        if b"END agent" in console:
            found = re.findall(rb"BEGIN (\w+)\r?\n(.*?)END \1", console, re.DOTALL)
            return {name.decode(): base64.b64decode(content) for name, content in found}
    raise AssertionError(f"no boot came to its end; the last said: {console[-2000:].decode(errors='replace')}")


def _outputs(content: bytes) -> dict[bytes, bytes]:
    """What a conversation's frames hold, by kind."""
    found: dict[bytes, bytes] = {}
    for kind, data in _frames(content):
        found[kind] = found.get(kind, b"") + data
    return found


def _frames(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    while content:
        end = 5 + int.from_bytes(content[1:5], "big")
        yield content[:1], content[5:end]
        content = content[end:]
