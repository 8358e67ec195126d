"""Bottles without an engine under a real systemd, in a virtual machine, emulated: their groups are had, and hold.

`make guest` says that this is wanted. It takes minutes: a machine's kernel, its systemd and Python are emulated.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import docker
import pytest

from bottle.adapters import build_context
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.plan import Image
from tests.support import bottles
from tests.support.requirements import require

HERE = Path(__file__).parent / "systemd"
MEBIBYTE = 1024**2
BOTTLE = "---\nagent_provider: {template: claude}\nresources: {memory: 256m, cpus: 2, pids: 200}\n---\n"
AGENT = "---\nname: a\ndescription: It waits.\nbottle: dev\n---\n"
BOOTS = 3
SECONDS = 900
pytestmark = pytest.mark.timeout(BOOTS * SECONDS)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What the machine said, by what was tried."""
    for requirement in ("docker", "qemu-system-x86_64", "mke2fs", "tar"):
        require(requirement)
    folder = tmp_path_factory.mktemp("systemd")
    return _booted(_disk(_built(folder / "context"), folder), folder)


def test_the_users_control_groups_are_found(said: Mapping[str, str]) -> None:
    assert re.search(r"ok +backend +bubblewrap .*limits control groups", said["doctor"])
    assert re.search(r"ok +wall +limits +a control group: memory, processes, processor time", said["doctor"])


def test_a_bottle_starts_in_one_with_its_limits(said: Mapping[str, str]) -> None:
    """With room for the sidecars above what the manifest gives the box."""
    assert said["start"].endswith("status 0\n"), said["start"]
    assert len(said["scopes"].splitlines()) == 2, said["scopes"]
    told = [line for line in said["limits"].splitlines() if line and not line.startswith("==>")]
    assert told == [str(512 * MEBIBYTE), "0", "264", "200000 100000", "status 0"]


def test_who_takes_too_much_memory_dies_alone(said: Mapping[str, str]) -> None:
    """systemd ends a scope in which the kernel killed one for its memory, and the agent's session with it."""
    assert said["hog"].splitlines()[-1] == "status 137", said["hog"]
    assert said["after"] == "lives\nstatus 0\n"


def test_a_fork_bomb_comes_to_its_end(said: Mapping[str, str]) -> None:
    assert "annot fork" in said["forks"]
    assert "all" not in said["forks"].splitlines()


def test_its_end_leaves_no_group(said: Mapping[str, str]) -> None:
    assert said["stop"].endswith("status 0\n")
    assert said["nothing"] == "status 0\n"


def _built(context: Path) -> Image:
    shutil.copytree(HERE, context)
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(context / "wheel"), "."]
    subprocess.run([sys.executable, *build], cwd=bottles.ROOT, check=True)
    for name, text in {"bottles/dev.md": BOTTLE, "agents/a.md": AGENT}.items():
        path = context / "home" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    backend = bottles.docker_backend("tests:guest")
    image = backend._known(build_context.custom("systemd", context / "Dockerfile"))
    backend.build(image, FakeProgress())
    return image


def _disk(image: Image, folder: Path) -> Path:
    """The image's files on a disk, and beside it the kernel and what it begins with."""
    root, disk = folder / "root", folder / "disk"
    root.mkdir()
    with closing(docker.APIClient()) as client:
        container = client.create_container(image.tag, ["true"])
        try:
            unpacking = subprocess.Popen(["tar", "-x", "-C", str(root)], stdin=subprocess.PIPE)
            assert unpacking.stdin is not None
            with unpacking.stdin:
                for piece in client.export(container):
                    unpacking.stdin.write(piece)
            assert unpacking.wait() == 0
        finally:
            client.remove_container(container)
            client.remove_image(image.tag)
    (root / ".dockerenv").unlink()
    for name in ("vmlinuz", "initrd.img"):
        (found,) = (root / "boot").glob(f"{name}-*")
        shutil.copy(found, folder / name)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(disk), "3G"], check=True)
    shutil.rmtree(root)
    return disk


def _booted(disk: Path, folder: Path) -> Mapping[str, str]:
    console, told = folder / "console", folder / "told"
    words = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "3072", "-nic", "none"]
    words += ["-display", "none", "-no-reboot", "-serial", f"file:{console}", "-serial", f"file:{told}"]
    words += ["-drive", f"file={disk},format=raw,if=virtio,snapshot=on"]
    words += ["-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd.img")]
    words += ["-append", "console=ttyS0 root=/dev/vda rw panic=-1"]
    for _ in range(BOOTS):
        try:
            subprocess.run(words, stdin=subprocess.DEVNULL, check=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            continue  # a boot may hang under emulation
        text = told.read_text(errors="replace").replace("\r", "")
        return dict(re.findall(r"^BEGIN (\w+)\n(.*?)^END \1$", text, re.DOTALL | re.MULTILINE))
    raise AssertionError(f"no boot came to its end; the last said: {console.read_text(errors='replace')[-2000:]}")
