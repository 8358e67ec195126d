"""What the sidecars said, kept in bounds: the file, and the one before it."""

import os
from pathlib import Path

_LARGEST = 4 * 1024 * 1024


class Log:
    """Appends; a full file makes room for a new one. Losing a log ends no bottle."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def append(self, data: bytes) -> None:
        if not data:
            return
        try:
            if self._path.exists() and self._path.stat().st_size > _LARGEST:
                self._path.replace(f"{self._path}.1")
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                os.write(descriptor, data)
            finally:
                os.close(descriptor)
        except OSError:
            pass
