"""A box that does not answer keeps none from being ended, itself included."""

import os
import signal

from tests.faults.conftest import ENOUGH, Host
from tests.support.boxes import Parts, is_alive, wait_until


def test_all_are_ended_though_the_box_of_one_was_stopped(boxed: Host) -> None:
    identity = boxed.bottle("start", "sleeper", "--yes", "--detach").splitlines()[-1]
    parts = Parts.of(boxed.home, identity)
    boxed.bottle("start", "sleeper", "--yes", "--detach")
    os.kill(parts.box[1], signal.SIGSTOP)
    assert boxed.bottle("stop", "--all").count("stopped ") == 2
    wait_until(lambda: not any(map(is_alive, parts.all)), ENOUGH, f"of {parts} something goes on")
    wait_until(lambda: boxed.processes() == [], ENOUGH, "something goes on")
