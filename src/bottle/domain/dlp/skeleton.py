"""What is left of text when everything that can be strewn into it is gone: its letters and digits, in lower case.

Two spellings of a value that differ in case, separators, line breaks, padding or invisible characters have one
skeleton, so that one search finds them all.
"""

from typing import Final

_LOWER: Final = bytes(range(256)).lower()
_OTHERS: Final = bytes(code for code in range(256) if not bytes((code,)).isalnum())


def skeleton(data: bytes) -> bytes:
    """The ASCII letters and digits of the data, in lower case."""
    return data.translate(_LOWER, _OTHERS)
