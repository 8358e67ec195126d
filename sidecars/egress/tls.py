"""TLS contexts: the leaf that the agent is shown for each host, and what is demanded of origins."""

import os
import ssl

from bottle.domain.egress_config import Leaf
from bottle.domain.hosts import InvalidHostError, host_on_the_wire
from bottle.domain.strict_json import ConfigError

_ALPN = ["http/1.1"]
_NAME = "bottle_server_name"


def leaf_context(leaf: Leaf) -> ssl.SSLContext:
    """The context that shows this leaf. Raises ConfigError for a certificate or key that OpenSSL does not take."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_ALPN)
    context.num_tickets = 0  # sessions are short and local: a ticket costs more than it saves
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.sni_callback = _note_name
    try:
        _load(context, leaf)
    except (ssl.SSLError, ValueError):
        raise ConfigError(f"leaves: OpenSSL does not take the certificate and key for {leaf.host.text}") from None
    return context


def upstream_context(roots: str) -> ssl.SSLContext:
    """The context for origins: name and chain verified against the system's roots and `roots`, which `require_roots`
    has seen. Takes 30 ms of a core: the system has many."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_ALPN)
    context.options |= ssl.OP_NO_RENEGOTIATION  # TLS 1.2: a request is never interrupted by a second handshake
    if roots:
        context.load_verify_locations(cadata=roots)
    return context


def require_roots(roots: str) -> None:
    """Raises ConfigError for what is neither empty nor certificates."""
    try:
        if roots:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=roots)
    except (ssl.SSLError, ValueError):
        raise ConfigError("roots: certificates in PEM belong here") from None


def server_name(connection: ssl.SSLObject) -> str | None:
    """The name that the client's hello asked for, in normal form; None where there was none.

    Raises InvalidHostError for a name that is none: then it is not the host of the CONNECT either.
    """
    name: str | None = getattr(connection, _NAME, None)
    return None if name is None else host_on_the_wire(name)


def is_for(connection: ssl.SSLObject, host: str, *, is_address: bool) -> bool:
    """Whether the client's hello named the host. An address is never named there (RFC 6066 3)."""
    try:
        name = server_name(connection)
    except InvalidHostError:
        return False
    return name == host or (is_address and name is None)


def _note_name(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
    """Keeps the name for later: a refusal inside TLS can be read, a broken handshake cannot."""
    setattr(connection, _NAME, name)


def _load(context: ssl.SSLContext, leaf: Leaf) -> None:
    """The ssl module reads keys from files alone; an anonymous one in memory leaves nothing on any disk."""
    descriptor = os.memfd_create("leaf", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(f"{leaf.key}\n{leaf.certificate}\n".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
