"""The time of day jumps by more than a year, back and forth, under processes that run: nothing opens, nothing is lost,
and all goes on when it is right again."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.egress.harness import Origin, Sidecar, TestCa, curl, route
from tests.faults.conftest import Host
from tests.faults.workers import NOTE, make_worker, notes, started
from tests.support.clocks import DAY, LASTING, WallClock
from tests.support.requirements import require

FAR = 400 * DAY


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    require("faketime")
    return WallClock(tmp_path / "clock")


@pytest.fixture
def worker(clock: WallClock, tmp_path: Path) -> Iterator[Host]:
    require("bubblewrap")
    host = make_worker(tmp_path, "bubblewrap")
    yield host
    clock.jump(0)
    host.bottle("cleanup", "--yes")
    assert (host.made(), host.states()) == ([], [])


def believe(clock: WallClock, monkeypatch: pytest.MonkeyPatch, more: Mapping[str, str] = MappingProxyType({})) -> None:
    """Every process that the test starts from now on does, but those of bottles, which have their own environment."""
    for name, value in {**clock.environment, **more}.items():
        monkeypatch.setenv(name, value)


def test_a_way_out_whose_clock_jumps_prolongs_nothing_and_says_why(
    clock: WallClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grant that was over once stays over; where certificates are not valid yet, or no more, no request begins."""
    ca, theirs = TestCa("bottle test CA"), TestCa("origin")
    origin, tls = Origin(), Origin(tls=theirs.issue("tls.example"))
    believe(clock, monkeypatch, LASTING)
    sidecar = Sidecar(tmp_path / "sidecar", ca, theirs.pem)
    grant = {"grant": {"id": "aaaaaaaa", "until": time.time() + 600, "once": False}}
    plain = {"scheme": "http", "ports": [origin.port]}
    routes = [route("tls.example", tls), route("open.example", origin, **plain)]
    urls = ["https://tls.example/", *(f"http://{name}.example:{origin.port}/" for name in ("open", "granted"))]
    told = {}
    try:
        sidecar.start([*routes, route("granted.example", origin, **plain, **grant)])
        for moment, jump in (("right", 0), ("back", -FAR), ("forward", FAR), ("right again", 0)):
            clock.jump(jump)
            told[moment] = [curl(sidecar, "-o", "/dev/null", "-w", "%{http_code}", url).stdout.decode() for url in urls]
    finally:
        sidecar.stop()
        origin.close()
        tls.close()
    assert told == {
        "right": ["200", "200", "200"],
        "back": ["000", "200", "200"],
        "forward": ["000", "200", "403"],
        "right again": ["200", "200", "403"],
    }
    trail = sidecar.trail()
    assert len(trail) == len(told) * len(urls)
    broken = [line["reason"] for line in trail if line["rule"] == "tls.handshake"]
    assert [("CERTIFICATE" in reason, "is the clock right?" in reason) for reason in broken] == [(True, True)] * 2


def test_a_bottle_is_kept_resumed_and_forgotten_whatever_the_time_is(
    clock: WallClock, worker: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An age that cannot be is none, so nothing is forgotten for it; what runs is never too old."""
    running, ended = started(worker), started(worker)
    worker.bottle("exec", ended, "--", "sh", "-c", NOTE)
    believe(clock, monkeypatch)

    def forgotten() -> list[str]:
        told = json.loads(worker.bottle("cleanup", "--older-than", "30d", "--json", "--yes"))
        return list(told["removed"])

    clock.jump(-FAR)
    assert worker.bottle("stop", ended) == f"stopped {ended}\n"
    assert notes(worker, ended) == ["noted"]
    assert forgotten() == []
    clock.jump(FAR)
    assert forgotten() == [ended]
    assert running in worker.bottle("list")
    worker.bottle("stop", running)
