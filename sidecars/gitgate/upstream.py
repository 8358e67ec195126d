"""The way to an upstream: where its name leads, judged before it is dialled, and git's and ssh's settings for it."""

import ipaddress
import json
import shlex
import socket
from base64 import b64encode
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from attrs import frozen

from bottle.domain.gitgate import decide_address
from bottle.domain.gitgate_config import GateRemote
from bottle.domain.hosts import Authority, IPAddress, bracketed
from bottle.domain.secret_forms import SecretForms
from bottle.domain.upstream_proxy import UpstreamProxy, is_localhost
from sidecars.gitgate import limits, tunnel
from sidecars.gitgate.git import environment, python

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

    def __init__(self, remote: GateRemote, folder: Path, roots: str, proxy: UpstreamProxy | None = None) -> None:
        """Writes down what ssh and git read. `proxy` dials, where there is one. Raises OSError."""
        self.remote, self._folder, self._proxy = remote, folder, proxy
        folder.mkdir(mode=0o700)
        upstream = remote.upstream
        if upstream.kind == "ssh":
            self._write("key", remote.secret if remote.secret.endswith("\n") else f"{remote.secret}\n")
            self._write("known_hosts", f"{_ALIAS} {remote.remote.known_host_key}\n")
            self._write("ssh_config", _SSH.format(user=upstream.login, port=upstream.port, folder=folder))
            if proxy is not None:
                self._write("proxy", _tunnel(proxy, Authority(upstream.host, upstream.port)))
        elif upstream.kind == "https":
            self._write("roots.pem", f"{_system_roots()}\n{roots}")
            self._write("git_config", self._https_settings())

    def open(self) -> Access:
        """Judges where the upstream's name leads, and pins it. Raises UnreachableError.

        A proxy looks the name up itself, and judges it; what is spelled out is judged here all the same.
        """
        upstream = self.remote.upstream
        if self._proxy is None:
            address = str(self._judged(self._resolve())[0])
        else:
            address = upstream.host
            if is_localhost(address):
                self._judged((ipaddress.ip_address("127.0.0.1"),))
        return self._https(address) if upstream.kind == "https" else self._ssh(address)

    def covered(self, said: bytes) -> bytes:
        """What came back on this way, without what it was shown: careless servers say in their errors what they were
        sent. Whole, before anything is cut off: half a credential would not be known."""
        return self._shown.masked(said)

    @cached_property
    def _shown(self) -> SecretForms:
        proxy = "" if self._proxy is None else self._proxy.password
        return SecretForms([self.remote.secret.encode(), proxy.encode()])

    def _https(self, address: str) -> Access:
        upstream = self.remote.upstream
        settings = {"GIT_ALLOW_PROTOCOL": "https", "GIT_CONFIG_GLOBAL": str(self._folder / "git_config")}
        if self._proxy is None:
            place = f"{upstream.host}:{upstream.port}:{bracketed(address)}"
            settings |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "http.curloptResolve",
                "GIT_CONFIG_VALUE_0": place,
            }
        return Access(self.remote.remote.upstream, environment(settings))

    def _ssh(self, address: str) -> Access:
        command = ["ssh", "-F", str(self._folder / "ssh_config"), "-o", f"HostName={address}"]
        if self._proxy is not None:
            program = shlex.join(python(str(Path(tunnel.__file__)), str(self._folder / "proxy")))
            command += ["-o", f"ProxyCommand={program.replace('%', '%%')}"]
        settings = {"GIT_ALLOW_PROTOCOL": "ssh", "GIT_SSH_COMMAND": shlex.join(command), "GIT_SSH_VARIANT": "ssh"}
        return Access(f"{_ALIAS}:{self.remote.upstream.path}", environment(settings))

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
        proxy = f"proxy = {'' if self._proxy is None else _proxy_url(self._proxy)}"
        stalled = ("lowSpeedLimit = 1", f"lowSpeedTime = {limits.STALLED_SECONDS}")
        settings = ("followRedirects = false", proxy, "sslVerify = true", f'sslCAInfo = "{roots}"', *stalled)
        return "[http]\n" + "".join(f"\t{line}\n" for line in settings) + header

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(text, encoding="utf-8")


def _proxy_url(proxy: UpstreamProxy) -> str:
    """As git reads it, in quotation marks (git-config(1), `http.proxy`)."""
    user, _, password = proxy.credential.partition(":")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if proxy.credential else ""
    return f'"http://{login}{proxy.authority}"'


def _tunnel(proxy: UpstreamProxy, place: Authority) -> str:
    """What `tunnel` is told: the proxy, and what it is asked (RFC 9110 9.3.6)."""
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.credential:
        lines.append(f"Proxy-Authorization: Basic {b64encode(proxy.credential.encode()).decode()}")
    request = "".join(f"{line}\r\n" for line in (*lines, ""))
    return json.dumps({"host": proxy.authority.host, "port": proxy.authority.port, "request": request})


def _system_roots() -> str:
    try:
        return Path(_SYSTEM_ROOTS).read_text(encoding="utf-8")
    except OSError:
        return ""
