"""Finding the engine, the way `docker` itself does, and where it usually is when it is not there."""

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker.errors
from docker import APIClient
from docker.context import ContextAPI
from docker.utils import kwargs_from_env

from bottle.adapters.docker.failures import speaking
from bottle.domain.errors import BackendError

DEFAULT_SOCKET = Path("/var/run/docker.sock")
OLDEST_API = (1, 41)
"""Docker 20.10, which Debian 11 and 12 ship."""


def connect(environ: Mapping[str, str], home: Path, timeout: int = 60) -> APIClient:
    """A client of the engine that DOCKER_HOST, the current context or a well-known socket leads to.

    Raises BackendError with what helps: no engine, no permission, too old, not reachable this way.
    """
    with speaking():
        where = endpoint(environ, home)
        if str(where.get("base_url", "")).startswith("ssh://"):
            hint = "bottle needs an engine on this machine, whose containers can see its directories"
            raise BackendError("an engine behind ssh cannot be used", hint=hint)
        _knock(str(where.get("base_url", "")), timeout)
        client = APIClient(**where, timeout=timeout)
    version = tuple(int(part) for part in client.api_version.split("."))
    if version < OLDEST_API:
        raise BackendError(
            f"the Docker engine speaks API {client.api_version}, which is too old",
            hint="Docker 20.10 or later is needed",
        )
    return client


def _knock(url: str, timeout: int) -> None:
    """Raises OSError when nobody listens at a Unix socket: the SDK would find out as well, but leave a socket open."""
    scheme, _, path = url.partition("unix://")
    if scheme in ("", "http+") and path:
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(timeout)
            knocking.connect(f"/{path.lstrip('/')}")


def endpoint(environ: Mapping[str, str], home: Path) -> dict[str, Any]:
    """`base_url` and `tls` of the engine to use; nothing means the SDK's default."""
    if environ.get("DOCKER_HOST"):
        return dict(kwargs_from_env(environment=dict(environ)))
    context = _context(environ)
    if context is not None:
        return context
    if DEFAULT_SOCKET.exists():
        return {"base_url": f"unix://{DEFAULT_SOCKET}"}
    found = next((path for path in usual_sockets(environ, home) if path.is_socket()), DEFAULT_SOCKET)
    return {"base_url": f"unix://{found}"}


def usual_sockets(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Where Docker Desktop, Colima, Rancher Desktop, OrbStack, rootless Docker and Podman put their sockets."""
    for place in (".docker/run", ".docker/desktop", ".colima/default", ".colima", ".rd", ".orbstack/run"):
        yield home / place / "docker.sock"
    if environ.get("XDG_RUNTIME_DIR"):
        yield Path(environ["XDG_RUNTIME_DIR"], "docker.sock")
        yield Path(environ["XDG_RUNTIME_DIR"], "podman/podman.sock")
    yield Path("/run/podman/podman.sock")


def _context(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The endpoint of the chosen context (`docker context use`), None for the default one."""
    name = environ.get("DOCKER_CONTEXT") or None
    try:
        context = ContextAPI.get_context(name) if name else ContextAPI.get_current_context()
    except docker.errors.DockerException as error:
        raise BackendError(f"the Docker context cannot be read: {error}", hint="see `docker context ls`") from error
    if context is None and name is None:
        return None
    if context is None:
        raise BackendError(f"no Docker context is called '{name}'", hint="see `docker context ls`")
    if context.Name == "default":
        return None
    tls = context.TLSConfig
    secured = {"tls": tls} if getattr(tls, "ca_cert", None) else {}
    return {"base_url": context.Host, **secured}
