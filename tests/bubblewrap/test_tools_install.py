"""Installing an agent program: whole or not at all, and once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from bottle.adapters.bubblewrap.managed import Shelf, install
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.errors import ProvisionError
from tests.support.bottles import ROOT
from tests.support.package_registry import PROGRAM, QUICK, Registry, left, release, serving, truncated
from tests.support.requirements import require


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving(Registry()) as served:
        yield served


def test_only_the_wanted_files_are_unpacked(registry: Registry, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "tools", registry.url, QUICK)
    assert not shelf.has(release())
    install(release(), shelf, FakeProgress())
    assert shelf.has(release())
    assert left(shelf) == [".lock", "1.0.0/bin/agent", "1.0.0/share/deep/notes.md"]
    place = shelf.place(release())
    assert (place / "bin/agent").read_bytes() == PROGRAM
    modes = [oct((place / name).stat().st_mode & 0o777) for name in ("bin/agent", "share/deep/notes.md", "share", ".")]
    assert modes == ["0o755", "0o644", "0o755", "0o755"]
    assert (tmp_path / "tools/agent").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "escaped").exists()
    tool = shelf.tool(release())
    assert tool.binds == ((str(place), "/opt/bottle/tools/agent"),)
    assert tool.links == (("agent", "/opt/bottle/tools/agent/bin/agent"),)


def test_an_installed_release_is_not_fetched_again(registry: Registry, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "tools", registry.url, QUICK)
    for _ in range(2):
        install(release(), shelf, FakeProgress())
    assert registry.asked == ["/agent/-/agent-1.0.0.tgz"]


def test_two_at_once_make_one(registry: Registry, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "tools", registry.url, QUICK)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(install, release(), shelf, FakeProgress()) for _ in range(4)]:
            done.result(30)
    assert len(registry.asked) == 1
    assert shelf.has(release())


class _Interrupting(FakeProgress):
    def detail(self, text: str) -> None:
        if text == "unpacking":
            raise KeyboardInterrupt


def test_an_interruption_leaves_nothing(registry: Registry, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "tools", registry.url, QUICK)
    with pytest.raises(KeyboardInterrupt):
        install(release(), shelf, _Interrupting())
    assert left(shelf) == [".lock"]
    install(release(), shelf, FakeProgress())
    assert shelf.has(release())


_INSTALL = """
import sys
from pathlib import Path
from bottle.adapters.bubblewrap.line import Line
from bottle.adapters.bubblewrap.managed import Shelf, install
from bottle.adapters.bubblewrap.pins import Release
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.errors import ProvisionError
folder, url, sha512 = sys.argv[1:]
release = Release("agent", "1.0.0", "agent/-/agent-1.0.0.tgz", sha512, "package", ("bin/agent",), "bin/agent")
try:
    install(release, Shelf(Path(folder), url, Line(pauses=())), FakeProgress())
except ProvisionError as error:
    print(error, error.hint, sorted(path.name for path in Path(folder).rglob("*")), sep="|")
"""


def _command(folder: Path, registry: Registry) -> list[str]:
    return [sys.executable, "-c", _INSTALL, str(folder), registry.url, release().sha512]


def test_what_a_killed_installer_leaves_goes_with_the_next(registry: Registry, tmp_path: Path) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def stall(request: BaseHTTPRequestHandler) -> None:
        truncated(request)
        arrived.set()
        go_on.wait(20)

    registry.first = [stall]
    shelf = Shelf(tmp_path / "tools", registry.url, QUICK)
    with subprocess.Popen(_command(shelf.folder, registry), env={"PYTHONPATH": f"{ROOT}/src"}) as killed:
        assert arrived.wait(20)
        while not any(name.endswith("/archive") for name in left(shelf)):
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
    go_on.set()
    assert any(name.startswith(".new-") for name in left(shelf))
    assert not shelf.has(release())
    install(release(), shelf, FakeProgress())
    assert left(shelf) == [".lock", "1.0.0/bin/agent", "1.0.0/share/deep/notes.md"]


def test_a_full_disk_leaves_nothing(registry: Registry, tmp_path: Path) -> None:
    require("bwrap")
    small = ["bwrap", "--dev-bind", "/", "/", "--size", str(400 * 1024), "--tmpfs", str(tmp_path)]
    done = subprocess.run(
        [*small, *_command(tmp_path / "tools", registry)],
        env={"PYTHONPATH": f"{ROOT}/src", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    message, hint, found = done.stdout.strip().split("|")
    assert message.startswith("agent 1.0.0 cannot be installed: No space left on device")
    assert "it needs some 600 MB" in hint
    assert found == "['.lock', 'agent']"


def test_a_place_that_cannot_be_written_says_so(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "tools").write_text("a file")
    with pytest.raises(ProvisionError, match=r"agent 1\.0\.0 cannot be installed"):
        install(release(), Shelf(tmp_path / "tools", registry.url, QUICK), FakeProgress())
