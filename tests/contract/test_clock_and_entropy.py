"""The promises of the ports `Clock` and `Entropy`, kept by the host's and by the fakes."""

from datetime import UTC, timedelta

import pytest

from bottle.adapters.clock import SystemClock
from bottle.adapters.entropy import SystemEntropy
from bottle.adapters.fake.clock import FakeClock
from bottle.adapters.fake.entropy import FakeEntropy
from bottle.app.ports import Clock, Entropy
from bottle.domain.names import identity_of, is_identity


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()], ids=["host", "fake"])
def test_time_is_utc_and_never_goes_back(clock: Clock) -> None:
    first, second = clock.now(), clock.now()
    assert first.tzinfo is UTC
    assert first <= second
    assert clock.passed() <= clock.passed()


def test_the_fake_clock_goes_on_when_told() -> None:
    clock = FakeClock()
    before, began = clock.now(), clock.passed()
    clock.advance(hours=1, seconds=2)
    assert clock.now() - before == timedelta(hours=1, seconds=2)
    clock.jump(days=-365)
    assert clock.passed() - began == 3602, "what somebody sets is the time of day alone"


@pytest.mark.parametrize("entropy", [SystemEntropy(), FakeEntropy()], ids=["host", "fake"])
def test_a_suffix_makes_an_identity_and_does_not_come_again(entropy: Entropy) -> None:
    suffixes = [entropy.suffix() for _ in range(50)]
    assert all(is_identity(identity_of("demo", suffix)) for suffix in suffixes)
    assert len(set(suffixes)) == len(suffixes)


def test_the_fake_entropy_gives_what_it_was_given() -> None:
    entropy = FakeEntropy("zzzzz", "aaaaa")
    assert [entropy.suffix(), entropy.suffix()] == ["zzzzz", "aaaaa"]
