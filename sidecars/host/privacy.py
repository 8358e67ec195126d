"""A program that holds secrets keeps them to itself."""

import ctypes

_PR_SET_DUMPABLE = 4  # prctl.h


def keep_to_itself() -> None:
    """No process of the same user may read this one's memory, and no core of it is written, nor given to a handler,
    which a limit on cores would not stop (core(5)). Does nothing where the system has no prctl."""
    library = ctypes.CDLL(None)
    if hasattr(library, "prctl"):
        library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
