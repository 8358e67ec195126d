"""No content costs more than in proportion to its length: counted in calls and in bytes looked at, not by a clock."""

import base64
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from attrs import define

from bottle.domain.dlp.engine import Engine, Looked
from bottle.domain.dlp.stream import Stream
from tests.dlp.scanning import engine

UNITS: dict[str, bytes] = {
    "prose": b"The quick brown fox jumps over the lazy dog, and so on. ",
    "JSON in JSON": b'{\\"text\\": \\"a line\\\\nand one more\\"}, ',
    "backslashes": b"\\\\\\\\u0041\\x41\\101",
    "one row of backslashes": b"\\",
    "escapes that are none": b"\\u00zz\\xq\\N{",
    "percent": b"%41%zz%u0041",
    "entities": b"&amp;&#65;&lt;&notone;",
    "quoted-printable": b"=41=3D =\r\n",
    "UTF-7": b"+AGEAYgBj-",
    "short base64": b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo= ",
    "base64 of single characters": b"QQ== ",
    "base64 that wraps": b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo\n",
    "base64 of base64": base64.b64encode(base64.b64encode(b"nothing to be found in here")) + b" ",
    "one row of letters": b"A",
    "one row of digits": b"0",
    "numbers": b"65, 66, 67, 0x41, 101, ",
    "single characters": b"a.b.c.d.e.f.g.h.i.j.k.l.m. ",
    "base85": b'87cURD]i,"Ebo80+ABCD*() ',
    "base85 with a fault": b"87cURD]i,Ebo80~~~~~~~~~~~~ss ",
    "heads of gzip": b"\x1f\x8b\x08\0abc",
    "heads of zip": b"PK\x03\x04",
    "ends of lines": b"\r\n",
    "look-alikes": "\u0430\u0435\u200b\uff21x".encode(),
    "names of messages": b'"role": ',
}


@define
class Work:
    """What a scan did."""

    calls: int = 0
    looked: int = 0


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """Counts every call of a function, Python's own ones too, and the bytes that are looked at."""
    work, look = Work(), Engine.look

    def looking(self: Engine, data: bytes, *rest: Any, **more: Any) -> Looked:
        work.looked += len(data)
        return look(self, data, *rest, **more)

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        work.calls += event in ("call", "c_call")

    with monkeypatch.context() as patched:
        patched.setattr(Engine, "look", looking)
        sys.setprofile(note)
        try:
            yield work
        finally:
            sys.setprofile(None)


def _work(monkeypatch: pytest.MonkeyPatch, data: bytes) -> Work:
    stream = Stream(engine(patterns=True), "the body", tell=lambda _finding: None)
    with counted(monkeypatch) as work:
        stream.feed(data)
        stream.finish()
    return work


@pytest.mark.parametrize("name", UNITS)
def test_no_content_costs_more_than_twice_its_share(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one piece, where nothing bounds what is looked at together; a piece more only adds its own."""
    small, large = (UNITS[name] * (size // len(UNITS[name])) for size in (60_000, 120_000))
    _work(monkeypatch, small)  # what is compiled and remembered once is no part of it
    less, more = _work(monkeypatch, small), _work(monkeypatch, large)
    assert more.calls <= 2 * 2 * less.calls
    assert more.looked <= 2 * 2 * less.looked
    assert more.looked <= 8 * len(large)


def test_noise_costs_no_more_than_text(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = random.Random(4).randbytes(120_000)
    assert _work(monkeypatch, noise).looked <= 3 * len(noise)
    encoded = base64.b64encode(noise)
    assert _work(monkeypatch, encoded).looked <= 5 * len(encoded)
