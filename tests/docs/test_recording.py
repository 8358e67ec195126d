"""The recording of the demo: what was said, in its order, and readable where nothing moves."""

import re
from pathlib import Path
from xml.etree import ElementTree

from scripts import recording
from scripts.recording import Said

SAID = [
    Said("$ bottle start", 0.5),
    Said("  ok    a <promise> & more", 60.0),
    Said("Every promise held (61 s).", 60.001),
]


def words(picture: str) -> str:
    return " ".join("".join(ElementTree.fromstring(picture).itertext()).replace("\N{NO-BREAK SPACE}", " ").split())


def test_lines_appear_one_after_the_other_and_nobody_waits_long() -> None:
    shown = recording.shortened(SAID)
    times = [one.at for one in shown]
    assert times == sorted(set(times))
    assert times[-1] < 3
    delays = re.findall(r"animation-delay: ([\d.]+)s", recording.drawn(shown))
    assert {float(delay) for delay in delays} == {round(time, 2) for time in times}


def test_every_line_is_in_the_picture() -> None:
    shown = words(recording.drawn(SAID))
    for line in ("$ bottle start", "ok a <promise> & more", "Every promise held (61 s)."):
        assert line in shown


def test_the_picture_asks_nobody_for_anything() -> None:
    """No font, script or picture from elsewhere; whoever wants no motion sees all of it at once."""
    picture = recording.drawn(SAID)
    assert "@font-face" not in picture
    assert set(re.findall(r"https?://[^\s\"')<]+", picture)) <= {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io",
    }
    assert "prefers-reduced-motion" in picture


def test_what_the_readme_shows_is_a_demo_that_held() -> None:
    picture = recording.PICTURE.read_text()
    assert f"]({recording.PICTURE.relative_to(recording.ROOT)})" in Path(recording.ROOT / "README.md").read_text()
    assert "Every promise held" in words(picture)
    assert "FAILED" not in picture


def test_a_program_is_recorded_as_it_goes() -> None:
    said = list(recording.recorded(["sh", "-c", "echo one; echo two >&2"]))
    assert [one.line for one in said] == ["one", "two"]
    assert 0 <= said[0].at <= said[1].at
