"""The way to an upstream: where its name leads, judged before it is dialled, and git's and ssh's settings for it."""

import ipaddress
import shlex
import socket
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from bottle.domain.gitgate import decide_address
from bottle.domain.gitgate_config import GateRemote
from bottle.domain.hosts import IPAddress, bracketed
from sidecars.gitgate.git import environment

_ALIAS = "upstream"
_SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
_TOKEN_USER = "x-access-token"  # noqa: S105 - GitHub's word; GitLab and Gitea look at the password alone

_SSH = """\
Host *
    User {user}
    Port {port}
    IdentityFile {folder}/key
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
    HostKeyAlias upstream
    StrictHostKeyChecking yes
    UpdateHostKeys no
    VerifyHostKeyDNS no
    CheckHostIP no
    CanonicalizeHostname no
    BatchMode yes
    PreferredAuthentications publickey
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    ClearAllForwardings yes
    ForwardAgent no
    ForwardX11 no
    PermitLocalCommand no
    ControlMaster no
    ControlPath none
    ConnectTimeout 20
    ServerAliveInterval 15
    ServerAliveCountMax 4
    LogLevel ERROR
"""


class UnreachableError(Exception):
    """The upstream cannot be had now, or may not be. The message is for the agent to read."""


@frozen
class Access:
    """What git needs to speak to an upstream this once: the address was judged, and is the one that is dialled."""

    url: str
    env: dict[str, str]


class Way:
    """How one upstream is reached. Its secret lies in `folder`, which is in memory and for this user alone."""

    def __init__(self, remote: GateRemote, folder: Path, roots: str) -> None:
        """Writes down what ssh and git read. Raises OSError."""
        self.remote, self._folder = remote, folder
        folder.mkdir(mode=0o700)
        upstream = remote.upstream
        if upstream.kind == "ssh":
            self._write("key", remote.secret if remote.secret.endswith("\n") else f"{remote.secret}\n")
            self._write("known_hosts", f"{_ALIAS} {remote.remote.known_host_key}\n")
            self._write("ssh_config", _SSH.format(user=upstream.login, port=upstream.port, folder=folder))
        elif upstream.kind == "https":
            self._write("roots.pem", f"{_system_roots()}\n{roots}")
            self._write("git_config", self._https_settings())

    def open(self) -> Access:
        """Resolves the upstream's name, judges every address, and pins the first. Raises UnreachableError."""
        address = self._judged(self._resolve())[0]
        upstream = self.remote.upstream
        if upstream.kind == "https":
            place = f"{upstream.host}:{upstream.port}:{bracketed(str(address))}"
            settings = {
                "GIT_ALLOW_PROTOCOL": "https",
                "GIT_CONFIG_GLOBAL": str(self._folder / "git_config"),
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "http.curloptResolve",
                "GIT_CONFIG_VALUE_0": place,
            }
            return Access(self.remote.remote.upstream, environment(settings))
        command = ["ssh", "-F", str(self._folder / "ssh_config"), "-o", f"HostName={address}"]
        settings = {"GIT_ALLOW_PROTOCOL": "ssh", "GIT_SSH_COMMAND": shlex.join(command), "GIT_SSH_VARIANT": "ssh"}
        return Access(f"{_ALIAS}:{upstream.path}", environment(settings))

    def _resolve(self) -> Sequence[IPAddress]:
        upstream = self.remote.upstream
        try:
            found = socket.getaddrinfo(upstream.host, upstream.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise UnreachableError(f"the name {upstream.host} cannot be resolved") from None
        return tuple(dict.fromkeys(ipaddress.ip_address(place[4][0]) for place in found))

    def _judged(self, addresses: Sequence[IPAddress]) -> Sequence[IPAddress]:
        for address in addresses:
            verdict = decide_address(self.remote.remote, address)
            if not verdict.allowed:
                raise UnreachableError(f"{self.remote.upstream.host} may not be reached: {verdict.reason}")
        return addresses

    def _https_settings(self) -> str:
        packed = b64encode(f"{_TOKEN_USER}:{self.remote.secret}".encode()).decode()
        header = f'\textraHeader = "Authorization: Basic {packed}"\n' if self.remote.secret else ""
        roots = self._folder / "roots.pem"
        settings = ("followRedirects = false", "proxy =", "sslVerify = true", f'sslCAInfo = "{roots}"')
        return "[http]\n" + "".join(f"\t{line}\n" for line in settings) + header

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(text, encoding="utf-8")


def _system_roots() -> str:
    try:
        return Path(_SYSTEM_ROOTS).read_text(encoding="utf-8")
    except OSError:
        return ""
