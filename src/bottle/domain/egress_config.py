"""What the way out is told on its standard input: one whole document at the start, then live reloads.

The documents are values here and JSON-able data on the pipe. Reading is strict (an unknown, missing or ill-typed key
refuses the whole document) and written by hand, since the sidecar's start-up time counts. Secret values and private
keys are kept out of every repr, and no error message quotes a value.
"""

import re
from collections.abc import Mapping

from attrs import field, frozen

from bottle.domain.egress import Policy
from bottle.domain.hosts import HostPattern
from bottle.domain.listen import Listen, listen_document, read_listen
from bottle.domain.policy_document import parse_policy, policy_document, read_slot
from bottle.domain.proxy_document import proxy_document, read_proxy
from bottle.domain.strict_json import (
    JsonObject,
    read_boolean,
    read_host,
    read_list,
    read_matching,
    read_object,
    read_optional,
    read_text,
)
from bottle.domain.upstream_proxy import UpstreamProxy

_RELOAD_KEYS = ("secrets", "given", "leaves")
_START_KEYS = (*_RELOAD_KEYS, "dns", "roots", "tied", "proxy")
_SECRET = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")

PATTERNS = "/opt/bottle/patterns"
"""Where a sidecar finds the compiled secret rules, in its image and in a sandbox."""


@frozen
class Leaf:
    """The certificate chain and private key (PEM) that the way out shows to the agent for the hosts of one pattern."""

    host: HostPattern
    certificate: str = field(repr=False)
    key: str = field(repr=False)


@frozen
class EgressReload:
    """A new policy. `secrets` and `leaves` join those that stand, by slot and host; what it no longer names goes.
    `given` joins by name: values that the box was given, which must not leave it."""

    policy: Policy
    secrets: Mapping[str, str] = field(factory=dict, repr=False)
    given: Mapping[str, str] = field(factory=dict, repr=False)
    leaves: tuple[Leaf, ...] = ()


@frozen
class EgressStart:
    """Everything that the way out needs to know. `audit` is a directory, `roots` further trusted certificates (PEM),
    `patterns` the directory of the compiled secret rules (where it is empty, registered values alone are looked for),
    `proxy` another proxy that dials for it.

    `tied`: it ends with its standard input, which then is held by whoever must not be outlived.
    """

    identity: str
    listen: Listen
    audit: str
    policy: Policy
    patterns: str
    secrets: Mapping[str, str] = field(factory=dict, repr=False)
    given: Mapping[str, str] = field(factory=dict, repr=False)
    leaves: tuple[Leaf, ...] = ()
    dns: Listen | None = None
    roots: str = field(default="", repr=False)
    tied: bool = False
    proxy: UpstreamProxy | None = None

    @property
    def rules(self) -> EgressReload:
        """The part that a reload can replace."""
        return EgressReload(self.policy, self.secrets, self.given, self.leaves)


def start_document(start: EgressStart) -> JsonObject:
    """The start as JSON-able data. It holds the secret values: it goes down a pipe and nowhere else."""
    return {
        "identity": start.identity,
        "listen": listen_document(start.listen),
        "audit": start.audit,
        "dns": None if start.dns is None else listen_document(start.dns),
        "roots": start.roots,
        "tied": start.tied,
        "patterns": start.patterns,
        "proxy": proxy_document(start.proxy),
        **reload_document(start.rules),
    }


def reload_document(reload: EgressReload) -> JsonObject:
    """The reload as JSON-able data. It holds the secret values: it goes down a pipe and nowhere else."""
    leaves = [{"host": leaf.host.text, "certificate": leaf.certificate, "key": leaf.key} for leaf in reload.leaves]
    return {
        "policy": policy_document(reload.policy),
        "secrets": dict(reload.secrets),
        "given": dict(reload.given),
        "leaves": leaves,
    }


def parse_start(data: object) -> EgressStart:
    """The start that `start_document` wrote; raises ConfigError."""
    fields = read_object(data, "the document", ("identity", "listen", "audit", "policy", "patterns"), _START_KEYS)
    reload = parse_reload({key: fields[key] for key in ("policy", *_RELOAD_KEYS) if key in fields})
    dns = fields.get("dns")
    return EgressStart(
        identity=read_text(fields["identity"], "identity"),
        listen=read_listen(fields["listen"], "listen"),
        audit=read_text(fields["audit"], "audit"),
        policy=reload.policy,
        patterns=read_text(fields["patterns"], "patterns", empty=True),
        secrets=reload.secrets,
        given=reload.given,
        leaves=reload.leaves,
        dns=None if dns is None else read_listen(dns, "dns"),
        roots=read_text(fields.get("roots", ""), "roots", empty=True),
        tied=read_boolean(fields.get("tied", False), "tied"),
        proxy=read_optional(fields.get("proxy"), "proxy", read_proxy),
    )


def parse_reload(data: object) -> EgressReload:
    """The reload that `reload_document` wrote; raises ConfigError."""
    fields = read_object(data, "the document", ("policy",), _RELOAD_KEYS)
    secrets = read_object(fields.get("secrets", {}), "secrets", (), None)
    given = read_object(fields.get("given", {}), "given", (), None)
    leaves = read_list(fields.get("leaves", []), "leaves")
    return EgressReload(
        policy=parse_policy(fields["policy"]),
        secrets={read_slot(name, "secrets"): _secret(value, "secrets") for name, value in secrets.items()},
        given={read_slot(name, "given"): read_text(value, "given", empty=True) for name, value in given.items()},
        leaves=tuple(_leaf(leaf, f"leaves[{index}]") for index, leaf in enumerate(leaves)),
    )


def _leaf(data: object, where: str) -> Leaf:
    fields = read_object(data, where, ("host", "certificate", "key"), ())
    certificate, key = (read_text(fields[name], f"{where}.{name}") for name in ("certificate", "key"))
    return Leaf(read_host(fields["host"], f"{where}.host"), certificate, key)


def _secret(data: object, where: str) -> str:
    return read_matching(data, where, _SECRET, "printable ASCII without outer spaces")
