"""Heads of tar members: the standard library writes the same bytes."""

import tarfile

from hypothesis import example, given
from hypothesis import strategies as st

from bottle.adapters.tar_header import FILE, FOLDER, LINK, header, padding

PATHS = st.text("ab/é\udcff ", min_size=1, max_size=260).map(lambda text: text.strip("/") or "a")
NUMBERS = st.integers(0, 8**7 - 1)


@given(path=PATHS, link=PATHS, mode=st.integers(0, 0o777), owner=NUMBERS, mtime=st.integers(0, 8**12), size=NUMBERS)
@example(path="a" * 100, link="b" * 100, mode=0o644, owner=0, mtime=8**11 - 1, size=0)
@example(path="a" * 101, link="b" * 101, mode=0o644, owner=0, mtime=8**11, size=0)
@example(path="a" * 99, link="b", mode=0o755, owner=1000, mtime=0, size=8**11)
def test_as_tarfile_writes_them(path: str, link: str, mode: int, owner: int, mtime: int, size: int) -> None:
    for kind in (FILE, FOLDER, LINK):
        wanted = tarfile.TarInfo(path)
        wanted.mode, wanted.uid, wanted.gid, wanted.mtime, wanted.type = mode, owner, owner, mtime, kind
        wanted.size = size if kind == FILE else 0
        wanted.linkname = link if kind == LINK else ""
        made = header(
            path.encode(errors="surrogateescape"),
            mode,
            owner,
            owner,
            mtime,
            kind,
            size=wanted.size,
            link=wanted.linkname.encode(errors="surrogateescape"),
        )
        assert made == wanted.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
        assert (len(made) + wanted.size + len(padding(wanted.size))) % tarfile.BLOCKSIZE == 0
