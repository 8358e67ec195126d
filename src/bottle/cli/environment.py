"""The one place that reads the process's environment."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from bottle.domain.errors import UsageError
from bottle.domain.upstream_proxy import InvalidProxyError, UpstreamProxy, parse_upstream_proxy

_PROXY = "BOT_BOTTLE_UPSTREAM_PROXY"
_TERMINAL = ("TERM", "COLORTERM", "LANG", "LC_ALL")


@frozen
class Environment:
    """The host variables that steer bottle (docs/environment.md). `variables` is everything, for secrets by name."""

    home: Path
    backend: str | None = None
    image: str | None = None
    build_ca: Path | None = None
    upstream_ca: Path | None = None
    color: bool = True
    dumb: bool = False
    """Whether the terminal, if there is one, shows lines and obeys nothing: a printer, an editor, a voice."""
    variables: Mapping[str, str] = field(factory=dict, repr=False)

    def upstream_proxy(self) -> UpstreamProxy | None:
        """The proxy behind the way out, where one is named; `env` names the one of this host. Raises UsageError."""
        named = self.variables.get(_PROXY)
        if not named:
            return None
        variables = ("HTTPS_PROXY", "https_proxy") if named == "env" else (_PROXY,)
        variable = next((name for name in variables if self.variables.get(name)), None)
        if variable is None:
            raise UsageError(f"{_PROXY}: `env` means HTTPS_PROXY, which is not set")
        try:
            return parse_upstream_proxy(self.variables[variable])
        except InvalidProxyError as error:
            raise UsageError(f"{variable}: {error}") from None

    @property
    def account(self) -> str:
        """The name of whoever runs this, for the trail; the number where there is none."""
        try:
            return pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            return str(os.getuid())

    @property
    def codex_home(self) -> Path:
        """Where Codex keeps its login."""
        return _path(self.variables, "CODEX_HOME") or Path.home() / ".codex"

    @property
    def of_terminals(self) -> Mapping[str, str]:
        """What programs on a terminal want to know of it."""
        return {name: self.variables[name] for name in _TERMINAL if self.variables.get(name)}

    @property
    def owner(self) -> str:
        """Whose bottles these are: this user's with this home. Others on the same engine are never touched."""
        return f"{os.getuid()}:{self.home.resolve()}"


def read_environment() -> Environment:
    """The environment as it is now; an empty variable counts as unset."""
    return environment_from(dict(os.environ))


def environment_from(variables: Mapping[str, str]) -> Environment:
    """The settings in a mapping like os.environ."""
    dumb = variables.get("TERM") in (None, "", "dumb")
    return Environment(
        home=_path(variables, "BOT_BOTTLE_HOME") or Path.home() / ".bot-bottle",
        backend=variables.get("BOT_BOTTLE_BACKEND") or None,
        image=variables.get("BOT_BOTTLE_IMAGE") or None,
        build_ca=_path(variables, "BOT_BOTTLE_BUILD_CA"),
        upstream_ca=_path(variables, "BOT_BOTTLE_UPSTREAM_CA"),
        color=not variables.get("NO_COLOR") and not dumb,
        dumb=dumb,
        variables=variables,
    )


def working_directory() -> Path:
    """Raises UsageError where it was removed meanwhile: what a command is about may depend on it."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current directory is not there any more", hint="`cd` to one that is") from None


def repository_of(directory: Path, home: Path) -> Path | None:
    """The repository that the directory lies in: the nearest folder above with a `.git`.

    None outside of any, and where its `.bot-bottle` is the operator's own home of bottles.
    """
    for folder in (directory, *directory.parents):
        if (folder / ".git").exists():
            return None if (folder / ".bot-bottle").resolve() == home.resolve() else folder
    return None


def _path(variables: Mapping[str, str], name: str) -> Path | None:
    text = variables.get(name)
    return Path(text).expanduser() if text else None
