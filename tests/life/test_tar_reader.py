"""What comes out of a box is refused whole as soon as one thing in it is of no honest archive's."""

import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bottle.adapters.tar_reader import Member, content, members
from bottle.domain.errors import ConflictError
from bottle.domain.taken_out import Limits, leads_out

ROOTS = ("ws",)
LIMITS = Limits(size=1_000_000, entries=50, depth=8)
Thing = tarfile.TarInfo


def thing(name: str, kind: bytes = tarfile.REGTYPE, *, target: str = "", mode: int = 0o644, size: int = 0) -> Thing:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size, info.mtime = kind, target, mode, size, 1000
    return info


def folder(name: str) -> Thing:
    return thing(name, tarfile.DIRTYPE, mode=0o755)


def link(name: str, target: str) -> Thing:
    return thing(name, tarfile.SYMTYPE, target=target)


def packed(things: Sequence[Thing], form: int = tarfile.GNU_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for info in things:
            archive.addfile(info, io.BytesIO(b"x" * info.size))
    return stream.getvalue()


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Sequence[Member]]:
    def reading(data: bytes, roots: Sequence[str] = ROOTS, limits: Limits = LIMITS) -> Sequence[Member]:
        path = tmp_path / "archive.tar"
        path.write_bytes(data)
        with path.open("rb") as archive:
            found = members(archive, roots, limits)
            for member in found:
                assert sum(map(len, content(archive, member))) == member.size
            return found

    return reading


Read = Callable[..., Sequence[Member]]
ACCENT = "\N{LATIN SMALL LETTER E WITH ACUTE}"
LONG = f"ws/{'n' * 150}/{ACCENT * 100}"
HONEST = (
    folder("ws"),
    thing("ws/run.sh", mode=0o755, size=513),
    link("ws/latest", "run.sh"),
    thing("ws/--checkpoint-action=exec=sh x", size=1),
    thing("ws/\x1b[2J\n", size=2),
    thing(LONG, size=3),
    thing("ws/again", tarfile.LNKTYPE, target="ws/run.sh"),
)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_an_honest_archive_is_read_whole_in_every_form(read: Read, form: int) -> None:
    found = {member.path: member for member in read(packed(HONEST, form))}
    assert list(found) == [info.name for info in HONEST]
    assert (found["ws"].kind, found["ws/latest"].kind, found["ws/latest"].target) == ("folder", "link", "run.sh")
    assert (found["ws/run.sh"].mode, found["ws/run.sh"].size, found["ws/run.sh"].mtime) == (0o755, 513, 1000)
    assert (found["ws/again"].kind, found["ws/again"].offset) == ("file", found["ws/run.sh"].offset)


def test_special_bits_do_not_come_out(read: Read) -> None:
    assert [member.mode for member in read(packed([thing("ws/su", mode=0o6755), thing("ws/t", mode=0o1777)]))] == [
        0o755,
        0o777,
    ]


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_stay_behind(read: Read, kind: bytes) -> None:
    assert [member.path for member in read(packed([folder("ws"), thing("ws/x", kind), thing("ws/y")]))] == [
        "ws",
        "ws/y",
    ]


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x", "ws/../../x", "ws/./x", "ws//x", "elsewhere", "wsx", "", ".", "..", "ws/.."]
)
def test_a_path_that_is_not_plain_and_below_its_root_is_refused(read: Read, name: str) -> None:
    with pytest.raises(ConflictError, match="no honest archive"):
        read(packed([thing("ws/first"), thing(name)]))


@pytest.mark.parametrize("prefix", ["..", "/etc", "ws/.."])
def test_a_path_in_two_parts_is_judged_as_one(read: Read, prefix: str) -> None:
    """POSIX headers keep the beginning of a long path apart from its end."""
    data = bytearray(packed([thing("x")], tarfile.USTAR_FORMAT))
    data[345 : 345 + len(prefix)] = prefix.encode()
    _sum_up(data)
    with pytest.raises(ConflictError, match="no honest archive"):
        read(bytes(data))


@pytest.mark.parametrize(
    "things",
    [
        [link("ws/out", "/etc"), thing("ws/out/passwd")],
        [link("ws/out", "."), thing("ws/out/x")],
        [thing("ws/f"), thing("ws/f/g")],
        [thing("ws/d/g"), thing("ws/d")],
        [thing("ws/f"), thing("ws/f")],
        [link("ws/f", "x"), thing("ws/f")],
        [thing("ws/f"), folder("ws/f")],
        [folder("ws/f"), link("ws/f", "/")],
        [link("ws", "/")],
        [link("ws/empty", "")],
        [thing("ws/h", tarfile.LNKTYPE, target="/etc/shadow")],
        [link("ws/l", "/etc/shadow"), thing("ws/h", tarfile.LNKTYPE, target="ws/l")],
        [thing("ws/h", tarfile.LNKTYPE, target="ws/h")],
        [thing("ws/x", b"Z")],
        [thing("ws/x", tarfile.GNUTYPE_SPARSE)],
    ],
)
def test_what_could_be_written_through_or_twice_is_refused(read: Read, things: Sequence[Thing]) -> None:
    with pytest.raises(ConflictError, match="no honest archive"):
        read(packed(things))


@pytest.mark.parametrize(
    ("limits", "things"),
    [
        (Limits(size=10), [thing("ws/a", size=6), thing("ws/b", size=5)]),
        (Limits(size=10), [thing("ws/a", size=6), thing("ws/b", tarfile.LNKTYPE, target="ws/a")]),
        (Limits(entries=2), [thing("ws/a"), thing("ws/b"), thing("ws/c")]),
        (Limits(entries=3), [thing("ws/a/b/c/d")]),
        (Limits(depth=3), [thing("ws/a/b/c")]),
        (Limits(name=3), [thing("ws/abcd")]),
        (Limits(path=6), [thing("ws/a/bc")]),
    ],
)
def test_there_is_an_end_to_what_is_taken(read: Read, limits: Limits, things: Sequence[Thing]) -> None:
    with pytest.raises(ConflictError):
        read(packed(things), limits=limits)


def test_every_beginning_of_an_archive_is_refused(read: Read) -> None:
    """A snapshot that was cut off is never taken for a whole one."""
    whole = packed([thing("ws/a", size=700), thing("ws/b", size=3)])
    ends = whole.index(bytes(1024), 512 * 5)
    for length in range(0, ends, 64):
        with pytest.raises(ConflictError):
            read(whole[:length])
    assert len(read(whole)) == 2


@pytest.mark.parametrize("place", [100, 124, 136, 148, 156, 257])
def test_a_header_that_was_tampered_with_is_refused(read: Read, place: int) -> None:
    data = bytearray(packed([thing("ws/a", size=5)]))
    data[place] ^= 1
    with pytest.raises(ConflictError, match="no honest archive"):
        read(bytes(data))


@pytest.mark.parametrize("size", [b"\x80" + b"\xff" * 11, b"\xff" * 12, b"-0000000001\0", b"77777777777\0"])
def test_sizes_that_do_not_end_are_refused(read: Read, size: bytes) -> None:
    data = bytearray(packed([thing("ws/a", size=5)]))
    data[124:136] = size
    _sum_up(data)
    with pytest.raises(ConflictError):
        read(bytes(data))


@pytest.mark.parametrize(
    "said",
    [
        b"0 path=x\n",
        b"9999 path=ws/x\n",
        b"x path=ws/x\n",
        b"12 path ws/x\n",
        b"20 GNU.sparse.map=0\n",
        b"11 size=-1\n",
    ],
)
def test_extended_headers_that_lie_are_refused(read: Read, said: bytes) -> None:
    extra = thing("x", b"x", size=len(said))
    stream = io.BytesIO()
    stream.write(extra.tobuf(tarfile.USTAR_FORMAT) + said.ljust(512, b"\0") + packed([thing("ws/a")]))
    with pytest.raises(ConflictError):
        read(stream.getvalue())


@pytest.mark.parametrize(
    ("path", "target", "out"),
    [
        ("a", "b", False),
        ("a/b/c", "../d", False),
        ("a/b/c", "../../d", False),
        ("a", "..", True),
        ("a/b/c", "../../../d", True),
        ("a/b", "x/../../../y", True),
        ("a", "/etc/passwd", True),
        ("a/b", "./../c//d", False),
    ],
)
def test_whether_a_link_names_a_place_outside(path: str, target: str, out: bool) -> None:
    assert leads_out(path, target) is out


def _sum_up(data: bytearray) -> None:
    """Makes the first header's sum right again."""
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
