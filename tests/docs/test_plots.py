"""Pictures of figures show what was measured."""

from xml.etree import ElementTree

from benchmarks import start_plot
from benchmarks.start_steps import FLOOR, Marks

SVG = "{http://www.w3.org/2000/svg}"
FOUND = {
    "docker": {FLOOR: 400.0, "making containers": 100.0, "proving the walls": 300.0},
    "bubblewrap": {FLOOR: 5.0, "making processes": 50.0, "proving the walls": 40.0},
}


def test_each_step_begins_where_the_last_one_ended_on_one_scale() -> None:
    picture = ElementTree.fromstring(start_plot.drawn(FOUND))
    _, *bars = [(float(bar.get("x", 0)), bar.get("width", "")) for bar in picture.iter(f"{SVG}rect")]
    left, scale = start_plot.LEFT, (start_plot.WIDTH - start_plot.LEFT - start_plot.RIGHT) / 400
    places = [(left + round(began * scale, 1), f"{taken * scale:.1f}") for began, taken in (
        (0, 400), (0, 100), (100, 300), (0, 5), (0, 50), (50, 40)
    )]  # fmt: skip
    assert bars == [(round(across, 1), width) for across, width in places]
    words = [text.text for text in picture.iter(f"{SVG}text")]
    assert words[:3] == ["docker: 400 ms", FLOOR, "400"]


def test_a_step_lasts_until_the_next_and_the_time_between_belongs_to_none() -> None:
    marks = Marks([("certificates", 0.0), ("", 0.002), ("making", 5.0), ("proving", 5.5), ("", 6.0)])
    assert {step: round(taken) for step, taken in marks.taken()} == {"certificates": 2, "making": 500, "proving": 500}
