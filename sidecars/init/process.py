"""What the first process does to itself, and what every process that it starts undoes."""

import ctypes
import os
import resource
import signal

_PR_SET_DUMPABLE = 4  # prctl.h
_UMASK = 0o022


def seal() -> None:
    """No process of the same user can trace this one, read its memory or take its descriptors. Raises OSError."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this process cannot be made private")


def keep_only(descriptors: set[int]) -> None:
    """Closes every other descriptor, and keeps these from the programs that are started. 0, 1 and 2 always exist."""
    for descriptor in _open_descriptors() - descriptors:
        _close(descriptor)
    while (null := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(null, True)
    os.close(null)
    for descriptor in descriptors - {0, 1, 2}:
        os.set_inheritable(descriptor, False)


def settle() -> None:
    """A place, a mask and signals that do not depend on who started the box."""
    os.chdir("/")
    os.umask(_UMASK)
    reset_signals()
    # The kernel keeps from the first process what it has no handler for, and the rest is not wanted either.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def limit(processes: int) -> None:
    """No more processes and threads than this in the box, and no core of any. Set from within: counted are those of
    this user namespace, where a limit that was set outside of it counts all of the user's (user_namespaces(7)).

    A limit of one byte, for a handler of the host's gets cores whatever the limit is but that (core(5)); where the
    host allows none at all, none it is.
    """
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    _, allowed = resource.getrlimit(resource.RLIMIT_CORE)
    core = 0 if allowed == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (core, core))


def reset_signals() -> None:
    """Every signal as a fresh program expects it: none blocked, none ignored, none handled."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _open_descriptors() -> set[int]:
    return {int(entry.name) for entry in os.scandir("/proc/self/fd")}


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        pass  # the one that the list was read through
