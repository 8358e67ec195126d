"""A provider that somebody else wrote: what comes of it is a whole Provision, or an error that names it.

It is the operator's own code and is not walled off; but it may be wrong, and then it must be said who is.
"""

import contextlib
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar

from attrs import frozen

from bottle.domain.environment import VARIABLE
from bottle.domain.errors import BottleError, ManifestError
from bottle.domain.hosts import HostPattern
from bottle.domain.manifest import ManifestRoute
from bottle.domain.provider import Provision, Report, Wish, plain_report
from bottle.domain.provision import GUEST_HOME, Check, GuestDirectory, GuestFile

PATIENCE_SECONDS: Final = 10.0
"""A provider computes values; one that takes longer waits for something."""
_LARGEST_MODE: Final = 0o7777

T = TypeVar("T")


@frozen
class GuardedProvider:
    """provider.Provider around a plugin's. `origin` is where it comes from, for messages."""

    template: str
    origin: str
    inner: Any
    dockerfile: str | None = None
    patience: float = PATIENCE_SECONDS

    @property
    def image(self) -> str:
        image = getattr(self.inner, "image", "")
        return image if isinstance(image, str) and image else self.template

    def provision(self, wish: Wish) -> Provision:
        found = guarded(lambda: self.inner.provision(wish), self.origin, self.patience)
        fault = fault_of(found)
        if fault is not None:
            raise ManifestError(f"{self.origin}: provision() returned {fault}", hint="see docs/providers.md")
        assert isinstance(found, Provision)  # noqa: S101 - fault_of has looked
        return found

    def report(self, output: bytes) -> Report:
        read = getattr(self.inner, "report", None)
        if read is None:
            return plain_report(output)
        found = guarded(lambda: read(output), self.origin, self.patience)
        if not isinstance(found, Report) or not _is_text(found.result) or not _is_text(found.session_id):
            raise ManifestError(f"{self.origin}: report() returned no whole Report", hint="see docs/providers.md")
        return found


def guarded(work: Callable[[], T], origin: str, patience: float = PATIENCE_SECONDS) -> T:
    """What the work returns. What it prints goes to stderr: standard output is for results.

    Raises ManifestError that names the origin when it raises anything but a BottleError, ends the program, or takes
    longer than the patience; a thread that hangs ends with this process.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, SystemExit too
            failure.append(error)

    thread = threading.Thread(target=run, name=f"plugin {origin}", daemon=True)
    with contextlib.redirect_stdout(sys.stderr):
        thread.start()
        thread.join(patience)
    if thread.is_alive():
        raise ManifestError(f"{origin}: no answer within {patience:g} s", hint="a provider only computes values")
    if failure:
        raise _told(failure[0], origin)
    return outcome[0]


def _told(error: BaseException, origin: str) -> BottleError:
    """The plugin's own ManifestError as it is; of all else the kind and the place: a message could hold anything."""
    if isinstance(error, BottleError):
        return error
    if isinstance(error, SyntaxError):
        line = error.lineno
    else:
        line = next((frame.lineno for frame in reversed(traceback.extract_tb(error.__traceback__))), None)
    where = f" (line {line})" if line else ""
    return ManifestError(f"{origin}: {type(error).__name__}{where}", hint="the plugin is at fault, not bottle")


def fault_of(found: object) -> str | None:
    """What is wrong with a provision, to stand behind "returned"; None for a whole one."""
    if not isinstance(found, Provision):
        return f"a {type(found).__name__}, not a Provision"
    return next(iter(_faults(found)), None)


def _faults(found: Any) -> Iterable[str]:
    """`found` is a Provision, of whose fields nobody has looked at the types."""
    if not _is_argv(found.argv):
        yield "an argv that is no tuple of texts, the program first"
    for name, value in found.env.items() if isinstance(found.env, Mapping) else [("", "")]:
        if not _is_text(name) or VARIABLE.match(name) is None or not _is_text(value):
            yield f"an environment entry that is none: {name!r}"
    if not isinstance(found.transcript, tuple) or not all(map(_is_in_home, found.transcript)):
        yield f"a transcript that is no tuple of paths below {GUEST_HOME}"
    if not isinstance(found.notes, tuple) or not all(map(_is_text, found.notes)):
        yield "notes that are no tuple of texts"
    if not isinstance(found.hidden_env, frozenset):
        yield "a hidden_env that is no frozenset"
    for kind, things in (
        (GuestDirectory, found.directories),
        (GuestFile, found.files),
        (ManifestRoute, found.routes),
        (Check, found.checks),
    ):
        if not isinstance(things, tuple) or not all(isinstance(thing, kind) for thing in things):
            yield f"something else than a tuple of {kind.__name__}"
        else:
            yield from (f"a {kind.__name__} that is none: {thing!r}" for thing in things if not _is_whole(thing))


def _is_whole(thing: Any) -> bool:
    if isinstance(thing, GuestFile | GuestDirectory):
        content = getattr(thing, "content", b"")
        return _is_path(thing.path) and isinstance(content, bytes) and _is_mode(thing.mode)
    if isinstance(thing, Check):
        return _is_argv(thing.argv) and _is_text(thing.error)
    return not isinstance(thing, ManifestRoute) or isinstance(thing.host, HostPattern)


def _is_argv(words: object) -> bool:
    return isinstance(words, tuple) and bool(words) and all(map(_is_text, words))


def _is_path(path: object) -> bool:
    """An absolute path in normal form: a tar must put it where the plan shows it."""
    return _is_text(path) and str(path).startswith("/") and str(PurePosixPath(str(path))) == path and ".." not in path


def _is_in_home(path: object) -> bool:
    return _is_path(path) and str(path).startswith(f"{GUEST_HOME}/")


def _is_mode(mode: object) -> bool:
    return type(mode) is int and 0 <= mode <= _LARGEST_MODE


def _is_text(word: object) -> bool:
    return isinstance(word, str) and "\0" not in word
