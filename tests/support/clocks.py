"""A time of day of a test's own, which jumps between commands, or while a process runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

DAY: Final = 86400
_LIBRARIES: Final = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1")


def library() -> Path | None:
    """Of Debian's package libfaketime."""
    root = Path("/")
    return next((path for pattern in _LIBRARIES for path in root.glob(pattern.lstrip("/"))), None)


LASTING: Final = {"FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
"""For a process that runs while the clock jumps: it looks again each time, and what counts seconds since the system's
start goes on as ever. Not all programs bear it: some waits fail."""


@frozen
class WallClock:
    """Read from a file by every process that has the environment, at its start. All its clocks are moved alike."""

    file: Path

    def __attrs_post_init__(self) -> None:
        self.jump(0)

    def jump(self, seconds: float) -> None:
        """From now on it is so much later than it really is, or earlier."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}")
        new.replace(self.file)

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_DISABLE_SHM": "1",
            "NO_FAKE_STAT": "1",
        }
