"""The searches of the claims find what they look for: each place where a secret could stand is given one."""

import base64

import pytest

from tests.support.demo_world import World
from tests.support.token_hunt import Hunt, hunt_for

pytestmark = pytest.mark.timeout(1800)

DECOY = "decoy-4f1c9a7e2b"
HIDDEN = f"""
umask 077
printf %s {DECOY} > ~/.hidden
printf %s {DECOY} | base64 > /tmp/encoded
SECRET={DECOY} sleep 600 >/dev/null 2>&1 &
"""


@pytest.fixture(scope="module")
def decoy(here: World, untouched: str) -> Hunt:
    """The hunt for a value that was hidden in the running bottle."""
    here.inside(untouched, "sh", "-c", HIDDEN).ok()
    return hunt_for(DECOY)


def test_in_files_on_disk_and_in_memory(here: World, untouched: str, decoy: Hunt) -> None:
    found, _ = here.views.files(untouched, decoy)
    assert "/home/node/.hidden (plain)" in found
    assert "/tmp/encoded (base64+0)" in found


def test_in_processes(here: World, untouched: str, decoy: Hunt) -> None:
    found, count = here.views.processes(untouched, decoy)
    assert len([place for place in found if place.startswith("processes of") and place.endswith("(plain)")]) == 1
    assert count >= 4


def test_in_what_others_are_shown(here: World, untouched: str) -> None:
    assert here.views.inspected(untouched, hunt_for(here.views.certain))


@pytest.mark.parametrize("wrap", ["{}", "Bearer {}", "x{}y", "{}\n"])
def test_in_every_form_at_every_offset(wrap: str) -> None:
    hunt = hunt_for(DECOY)
    text = wrap.format(DECOY).encode()
    assert hunt.in_bytes(text)
    assert hunt.in_bytes(text[::-1])
    assert hunt.in_bytes(text.hex().encode())
    for pad in range(4):
        assert hunt.in_bytes(base64.b64encode(b"." * pad + text))
        assert hunt.in_bytes(base64.urlsafe_b64encode(b"." * pad + text))


def test_wherever_a_stream_is_cut() -> None:
    hunt = hunt_for(DECOY)
    text = f"before {DECOY} after".encode()
    for cut in range(len(text)):
        assert hunt.in_stream([text[:cut], text[cut:]]) == ("plain",)
    assert hunt.in_stream(bytes([byte]) for byte in text) == ("plain",)
    assert hunt.in_stream([b"nothing", b"at all"]) == ()
