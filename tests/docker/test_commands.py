"""A command's status, where the engine knows it sooner than that the box has ended. With a real engine: test_attach."""

import docker
import pytest

from bottle.adapters.docker.commands import final_status
from bottle.adapters.docker.engine import Engine
from bottle.domain.errors import BackendError


class _Told(Engine):
    """An engine that says of the command one status, and of the box that it runs for the first few times."""

    def __init__(self, status: int, runs: int) -> None:
        super().__init__(docker.APIClient(version="1.41"))
        self.status, self.runs = status, runs

    def exec_status(self, exec_id: str) -> int:
        return self.status

    def running(self, container: str) -> bool:
        self.runs -= 1
        return self.runs >= 0


@pytest.mark.parametrize("status", [128, 137])
def test_a_command_that_ended_with_its_box_has_no_status_of_its_own(status: int) -> None:
    """gVisor answers 128 some 90 milliseconds before the engine sees the box's end, runc 137."""
    with pytest.raises(BackendError, match="the box went away"):
        final_status(_Told(status, runs=3), "box", "command")


@pytest.mark.parametrize("status", [128, 137])
def test_a_box_that_goes_on_leaves_the_command_its_status(status: int) -> None:
    assert final_status(_Told(status, runs=10**6), "box", "command") == status


def test_no_other_status_asks_for_the_box() -> None:
    assert final_status(_Told(1, runs=0), "box", "command") == 1
