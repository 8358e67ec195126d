"""The Python that runs our own programs in a sandbox: this one, with its standard library and the packages it needs."""

import compileall
import importlib.util
import marshal
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import bottle
from bottle.adapters.build_context import sources
from bottle.domain.errors import BackendError

GUEST_PREFIX = "/run/bottle/python"
GUEST_LIBRARY = "/run/bottle/lib"
SIDECAR_PACKAGES = (
    "_brotli", "attr", "attrs", "brotli", "h11", "httptools", "hyperscan", "re2", "uvloop", "wsproto", "zstandard"
)  # fmt: skip
_SYSTEM = Path("/usr")
_HEADER = 16  # of a compiled file (PEP 552)


def binds(*programs: str, packages: Sequence[str] = ()) -> list[tuple[str, str]]:
    """What our programs (`sidecars/<name>`) must see, read-only: (path on the host, path in the sandbox)."""
    library = [("sidecars/__init__.py", sources() / "sidecars" / "__init__.py")]
    library += [(f"sidecars/{name}", sources() / "sidecars" / name) for name in programs]
    if packages:
        package = Path(bottle.__file__).parent
        library += [("bottle/__init__.py", package / "__init__.py"), ("bottle/domain", package / "domain")]
        library += [(path.name, path) for path in map(_package, packages)]
    found = [(str(path), f"{GUEST_LIBRARY}/{name}") for name, path in library]
    return [*_python(), *found]


def _python() -> list[tuple[str, str]]:
    """The interpreter and its libraries: a prefix may hold more, other environments and settings of theirs."""
    if _is_of_the_system():
        return []
    folders = [folder for folder in dict.fromkeys(("lib", sys.platlibdir)) if (_prefix() / folder).is_dir()]
    parts = [str(_executable().relative_to(_prefix())), *folders]
    return [(str(_prefix() / part), f"{GUEST_PREFIX}/{part}") for part in parts]


def hidden() -> list[str]:
    """Directories of the interpreter's that are no business of a sandbox: packages that others installed there."""
    if _is_of_the_system():
        return []
    packages = _prefix() / "lib" / _version() / "site-packages"
    return [f"{GUEST_PREFIX}/lib/{_version()}/site-packages"] if packages.is_dir() else []


def command(module: str, *arguments: str) -> list[str]:
    """The command line, in the sandbox, that runs `<module>.main()` of one of our programs."""
    line = f"import sys; sys.path[:0] = ['{GUEST_LIBRARY}']; from {module} import main; main()"
    return [_guest_executable(), "-I", "-S", "-c", line, *arguments]


def environment() -> dict[str, str]:
    """What the interpreter's own start needs: where its shared library is, when it has one outside the system's."""
    shared = bool(sysconfig.get_config_var("Py_ENABLE_SHARED")) and not _is_of_the_system()
    return {"LD_LIBRARY_PATH": f"{GUEST_PREFIX}/lib"} if shared else {}


def on_the_host(module: str) -> list[str]:
    """The command line that runs `<module>.main()` of one of our programs outside any sandbox."""
    line = f"import sys; sys.path[:0] = [{str(sources())!r}]; from {module} import main; main()"
    return [str(_executable()), "-I", "-S", "-c", line]


def reachable() -> list[str]:
    """What must be within reach of whoever starts the sandboxes."""
    package = Path(bottle.__file__).parent
    packages = [str(_package(name)) for name in SIDECAR_PACKAGES]
    return [*([] if _is_of_the_system() else [str(_prefix())]), str(sources() / "sidecars"), str(package), *packages]


@cache
def compile_once() -> None:
    """Compiles our programs where that was not done: a sandbox cannot keep what it compiled, and would each time."""
    for folder in (sources() / "sidecars", Path(bottle.__file__).parent / "domain"):
        before = set(_compiled(folder))
        compileall.compile_dir(folder, quiet=2)
        for path, _ in set(_compiled(folder)) - before:
            _require_whole(path)


def _compiled(folder: Path) -> list[tuple[Path, int]]:
    """The compiled files below, and when each was written."""
    return [(path, path.stat().st_mtime_ns) for path in folder.rglob("__pycache__/*.pyc")]


def _require_whole(path: Path) -> None:
    """A full disk may have cut it short unnoticed, and Python would stumble over it for ever: then it goes."""
    try:
        marshal.loads(path.read_bytes()[_HEADER:])  # noqa: S302 - written by this process a moment ago
    except (EOFError, ValueError, TypeError, OSError):
        path.unlink(missing_ok=True)


def _package(name: str) -> Path:
    """A package's directory, or the one file of a module."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise BackendError(f"the Python package {name} is missing", hint="install bot-bottle again")
    return Path(found.origin) if found.submodule_search_locations is None else Path(found.origin).parent


def _executable() -> Path:
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def _prefix() -> Path:
    return Path(sys.base_prefix).resolve()


def _is_of_the_system() -> bool:
    return _prefix().is_relative_to(_SYSTEM)


def _version() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def _guest_executable() -> str:
    if _is_of_the_system():
        return str(_executable())
    return f"{GUEST_PREFIX}/{_executable().relative_to(_prefix())}"
