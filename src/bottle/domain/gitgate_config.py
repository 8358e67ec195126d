"""What the git gate is told on its standard input: one whole document, with its keys and what it must look for.

Strict and hand-written like `egress_config`; secret values are kept out of every repr and every error message.
"""

import ipaddress

from attrs import field, frozen

from bottle.domain.addresses import IPNetwork
from bottle.domain.dlp.document import read_scanning, scanning_document
from bottle.domain.dlp.settings import Scanning
from bottle.domain.gitgate import Upstream
from bottle.domain.listen import Listen, listen_document, read_listen
from bottle.domain.manifest import PushRules, Remote
from bottle.domain.proxy_document import proxy_document, read_proxy
from bottle.domain.strict_json import (
    ConfigError,
    JsonObject,
    read_boolean,
    read_object,
    read_optional,
    read_text,
    read_tuple,
)
from bottle.domain.upstream_proxy import UpstreamProxy

SEED = "seed.bundle"
"""In the directory of the trail, while the gate starts: the history that a remote `local` begins with, where there is
one (git-bundle(1))."""


@frozen
class GateRemote:
    """One upstream with its secret: the private key (SSH), the token (HTTPS), or nothing (`local`); and the rules for
    secrets that find nothing in what is pushed to it."""

    host: str
    remote: Remote
    secret: str = field(default="", repr=False)
    silent: tuple[str, ...] = ()

    @property
    def upstream(self) -> Upstream:
        return Upstream.parse(self.remote.upstream)


@frozen
class GateStart:
    """Everything that the gate needs to know.

    `state` is an empty directory of its own, `audit` one for its trail and for results; `gitleaks` is a program.
    `withheld` are values that no push may hold, `patterns` the directory of the compiled secret rules (none where it
    is empty), `scanning` what the operator says about them; silences are said for each remote. `roots` are further
    trusted certificates (PEM), `proxy` another proxy that dials for the gate. `tied`: it ends with its standard input.
    """

    identity: str
    listen: Listen
    state: str
    audit: str
    gitleaks: str
    remotes: tuple[GateRemote, ...] = ()
    withheld: tuple[str, ...] = field(default=(), repr=False)
    patterns: str = ""
    scanning: Scanning = Scanning()
    roots: str = field(default="", repr=False)
    proxy: UpstreamProxy | None = None
    tied: bool = False


def gate_document(start: GateStart) -> JsonObject:
    """The start as JSON-able data. It holds the keys: it goes down a pipe and nowhere else."""
    return {
        "identity": start.identity,
        "listen": listen_document(start.listen),
        "state": start.state,
        "audit": start.audit,
        "gitleaks": start.gitleaks,
        "remotes": [_remote_document(remote) for remote in start.remotes],
        "withheld": list(start.withheld),
        "patterns": start.patterns,
        "scanning": scanning_document(start.scanning),
        "roots": start.roots,
        "proxy": proxy_document(start.proxy),
        "tied": start.tied,
    }


def parse_gate(data: object) -> GateStart:
    """The start that `gate_document` wrote; raises ConfigError."""
    required = ("identity", "listen", "state", "audit", "gitleaks", "remotes")
    more = ("withheld", "patterns", "scanning", "roots", "proxy", "tied")
    fields = read_object(data, "the document", required, more)
    return GateStart(
        identity=read_text(fields["identity"], "identity"),
        listen=read_listen(fields["listen"], "listen"),
        state=read_text(fields["state"], "state"),
        audit=read_text(fields["audit"], "audit"),
        gitleaks=read_text(fields["gitleaks"], "gitleaks"),
        remotes=read_tuple(fields["remotes"], "remotes", _remote),
        withheld=read_tuple(fields.get("withheld", []), "withheld", read_text),
        patterns=read_text(fields.get("patterns", ""), "patterns", empty=True),
        scanning=read_scanning(fields.get("scanning", {}), "scanning"),
        roots=read_text(fields.get("roots", ""), "roots", empty=True),
        proxy=read_optional(fields.get("proxy"), "proxy", read_proxy),
        tied=read_boolean(fields.get("tied", False), "tied"),
    )


def _remote_document(entry: GateRemote) -> JsonObject:
    remote = entry.remote
    return {
        "host": entry.host,
        "upstream": remote.upstream,
        "host_key": remote.known_host_key or "",
        "secret": entry.secret,
        "private_ips": [str(network) for network in remote.private_ips],
        "branches": list(remote.push.branches),
        "tags": list(remote.push.tags),
        "allow": list(remote.push.allow),
        "force": remote.push.force,
        "delete": remote.push.delete,
        "silent": list(entry.silent),
    }


def _remote(data: object, where: str) -> GateRemote:
    rules = ("branches", "tags", "allow", "force", "delete")
    fields = read_object(data, where, ("host", "upstream", "host_key", "secret", "private_ips", *rules), ("silent",))
    upstream = read_text(fields["upstream"], f"{where}.upstream")
    try:
        Upstream.parse(upstream)
    except ValueError:
        raise ConfigError(f"{where}.upstream: an upstream belongs here") from None
    remote = Remote(
        upstream=upstream,
        known_host_key=read_text(fields["host_key"], f"{where}.host_key", empty=True) or None,
        push=_rules(fields, where),
        private_ips=read_tuple(fields["private_ips"], f"{where}.private_ips", _network),
    )
    secret = read_text(fields["secret"], f"{where}.secret", empty=True)
    silent = read_tuple(fields.get("silent", []), f"{where}.silent", read_text)
    return GateRemote(read_text(fields["host"], f"{where}.host"), remote, secret, silent)


def _rules(fields: JsonObject, where: str) -> PushRules:
    def texts(name: str) -> tuple[str, ...]:
        return read_tuple(fields[name], f"{where}.{name}", read_text)

    return PushRules(
        branches=texts("branches"),
        tags=texts("tags"),
        force=read_boolean(fields["force"], f"{where}.force"),
        delete=read_boolean(fields["delete"], f"{where}.delete"),
        allow=texts("allow"),
    )


def _network(data: object, where: str) -> IPNetwork:
    try:
        return ipaddress.ip_network(read_text(data, where))
    except ValueError:
        raise ConfigError(f"{where}: an address range without host bits belongs here") from None
