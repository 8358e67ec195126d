"""Archives of every class that has led an unpacker astray: each is refused whole, or kept as what it is, unopened.

Either way there is nothing on this host afterwards but the archive: no file, link or device of it, inside or outside.
"""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from bottle.adapters import tar_reader
from bottle.adapters.state import StateFiles
from bottle.adapters.state.snapshots import SnapshotFiles
from bottle.domain import taken_out
from bottle.domain.errors import ConflictError
from bottle.domain.state import Metadata
from bottle.domain.taken_out import LIMITS, Limits

IDENTITY, ROOTS = "coder-abc12", ("ws",)
SMALL: Final = Limits(size=100_000, entries=200, depth=40)
LONG: Final = "d" * 200
Add = Callable[[tarfile.TarFile], None]


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", content: bytes = b"", **pax: str) -> Add:
    def add(archive: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size, info.mode = kind, target, len(content), 0o644
        info.pax_headers = {key.replace("__", "."): value for key, value in pax.items()}
        archive.addfile(info, io.BytesIO(content))

    return add


def folder(name: str) -> Add:
    return entry(name, tarfile.DIRTYPE)


def link(name: str, target: str) -> Add:
    return entry(name, tarfile.SYMTYPE, target)


def second_name(name: str, target: str) -> Add:
    return entry(name, tarfile.LNKTYPE, target)


def mode(name: str, bits: int) -> Add:
    def add(archive: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.mode = bits
        archive.addfile(info)

    return add


def climbing_by_long_links() -> tuple[Add, ...]:
    """Links in folders with long names, so that a path that is followed to its end grows beyond what can be followed
    (CVE-2025-4517), and a file behind them."""
    steps: list[Add] = []
    at = "ws"
    for letter in "abcdefghijklmnop":
        steps += [folder(f"{at}/{LONG}"), link(f"{at}/{letter}", LONG)]
        at = f"{at}/{LONG}"
    return (*steps, link(f"{at}/up", "../" * 16), link("ws/escape", f"{LONG}/up"), entry("ws/escape/out", content=b"x"))


REFUSED: Final[dict[str, tuple[Add, ...]]] = {
    "a path that climbs": (entry("ws/../../outside/marker"),),
    "a path from the root": (entry("/tmp/marker"),),
    "a name that a header of its own puts elsewhere": (entry("ws/x", path="../outside/marker"),),
    "a target that a header of its own puts in": (second_name("ws/x", "ws/y"), entry("ws/y", linkpath="/etc/passwd")),
    "a size that a header of its own makes longer": (entry("ws/x", content=b"x", size="99999999999"),),
    "a name with an end in it": (entry("ws/x", path="ws/a\0b"),),
    "no name": (entry(""),),
    "a file through a link": (link("ws/out", "/"), entry("ws/out/marker")),
    "a file through a link in the tree": (folder("ws/in"), link("ws/out", "in"), entry("ws/out/marker")),
    "a link that is replaced by a folder": (link("ws/d", "/"), folder("ws/d"), entry("ws/d/marker")),
    "a folder that is replaced by a link": (folder("ws/d"), link("ws/d", "/"), entry("ws/d/marker")),
    "links that outgrow what can be followed": climbing_by_long_links(),
    "a second name of a file outside": (second_name("ws/x", "/etc/passwd"),),
    "a second name of one that climbs": (second_name("ws/x", "../outside/existing"),),
    "a second name through a link": (link("ws/l", "/etc/passwd"), second_name("ws/x", "ws/l")),
    "a file, and something in it": (entry("ws/f"), entry("ws/f/g")),
    "one path twice": (entry("ws/f", content=b"1"), entry("ws/f", content=b"2")),
    "a file with holes": (entry("ws/f", GNU__sparse__major="1", GNU__sparse__realsize="99999999999"),),
    "a file with holes, the old way": (entry("ws/f", tarfile.GNUTYPE_SPARSE),),
    "folders without end": (entry("/".join(["ws", *"d" * 60])),),
    "more than is taken": tuple(entry(f"ws/{number}", content=bytes(60_000)) for number in range(2)),
    "one file, many names": (entry("ws/f", content=bytes(60_000)), second_name("ws/g", "ws/f")),
    "more entries than are taken": tuple(entry(f"ws/{number}") for number in range(300)),
    "folders that only names make": tuple(entry(f"ws/{number}/f") for number in range(150)),
    "something beside the workspace": (entry(".ssh/authorized_keys"),),
    "a kind that nobody knows": (entry("ws/x", b"Z"),),
}
KEPT: Final[dict[str, tuple[tuple[Add, ...], dict[str, int]]]] = {
    "a device, a pipe": (
        (
            entry("ws/d", tarfile.CHRTYPE),
            entry("ws/b", tarfile.BLKTYPE),
            entry("ws/p", tarfile.FIFOTYPE),
            entry("ws/f"),
        ),
        {"ws/f": 0o644},
    ),
    "special bits": ((mode("ws/su", 0o6755),), {"ws/su": 0o755}),
    "names that terminals obey": ((entry("ws/\x1b[2J\x07\n\r"),), {"ws/\x1b[2J\x07\n\r": 0o644}),
    "names that programs take for options": (
        (entry("ws/-rf"), entry("ws/--exec=sh x")),
        {"ws/-rf": 0o644, "ws/--exec=sh x": 0o644},
    ),
    "names that fold into one": ((entry("ws/A"), entry("ws/a")), {"ws/A": 0o644, "ws/a": 0o644}),
    "a link out of the tree, through which nothing goes": ((link("ws/l", "/etc/passwd"),), {"ws/l": 0o644}),
    "links that go round": ((link("ws/a", "b"), link("ws/b", "a")), {"ws/a": 0o644, "ws/b": 0o644}),
    "a repository that runs a program": (
        (entry("ws/.git/config", content=b"[core]\n\tfsmonitor = touch /tmp/marker\n"),),
        {"ws/.git/config": 0o644},
    ),
    "a name as long as any": ((entry(f"ws/{'n' * 255}"),), {f"ws/{'n' * 255}": 0o644}),
}


@pytest.fixture
def snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SnapshotFiles:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "existing").write_text("as before")
    monkeypatch.setitem(taken_out.LIMITS, "workspace", SMALL)
    StateFiles(tmp_path / "state").claim(Metadata(IDENTITY, "coder", "claude", "docker", "2026-01-01T00:00:00+00:00"))
    return SnapshotFiles(tmp_path / "state")


def keep(snapshots: SnapshotFiles, *entries: Add) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for add in entries:
            add(archive)
    snapshots.keep(IDENTITY, "workspace", ROOTS, lambda take: take(stream.getvalue()))


def on_disk(root: Path) -> set[str]:
    """All that is there, but for the bottle's own notes."""
    found = {str(path.relative_to(root)) for path in root.rglob("*")}
    return {path for path in found if path.startswith(("outside/", f"state/{IDENTITY}/snapshot/"))}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_honest_tool_packs_is_refused_whole(snapshots: SnapshotFiles, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConflictError, match=r"no honest archive|more than is taken"):
        keep(snapshots, entry("ws/first"), *REFUSED[name])
    assert on_disk(tmp_path) == {"outside/existing"}
    assert (tmp_path / "outside" / "existing").read_text() == "as before"


@pytest.mark.parametrize("name", KEPT)
def test_what_is_odd_and_harmless_is_kept_unopened(snapshots: SnapshotFiles, tmp_path: Path, name: str) -> None:
    entries, expected = KEPT[name]
    keep(snapshots, *entries)
    assert on_disk(tmp_path) == {"outside/existing", f"state/{IDENTITY}/snapshot/workspace.tar"}
    kept = snapshots.find(IDENTITY, "workspace", ROOTS)
    assert kept is not None
    with Path(kept.path).open("rb") as archive:
        assert {one.path: one.mode for one in tar_reader.members(archive, ROOTS, LIMITS["workspace"])} == expected
