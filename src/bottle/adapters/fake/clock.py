"""A clock that stands still until it is told to go on."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """ports.Clock."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = now
        self._passed = 0.0

    def now(self) -> datetime:
        return self._now

    def advance(self, **duration: float) -> None:
        """Goes on by that much, in the words of timedelta."""
        self._now += timedelta(**duration)
        self._passed += timedelta(**duration).total_seconds()

    def jump(self, **duration: float) -> None:
        """Somebody sets it, forwards or backwards; no time passes."""
        self._now += timedelta(**duration)

    def passed(self) -> float:
        return self._passed
