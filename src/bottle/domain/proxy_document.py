"""The proxy behind a sidecar, as a program of it is told: JSON-able data on the pipe."""

from bottle.domain.hosts import InvalidHostError, authority
from bottle.domain.strict_json import ConfigError, JsonObject, read_object, read_text
from bottle.domain.upstream_proxy import InvalidProxyError, UpstreamProxy, checked_credential


def proxy_document(proxy: UpstreamProxy | None) -> JsonObject | None:
    """The proxy with its credential: it goes down a pipe and nowhere else."""
    return None if proxy is None else {"authority": str(proxy.authority), "credential": proxy.credential}


def read_proxy(data: object, where: str) -> UpstreamProxy:
    """The proxy that `proxy_document` wrote; raises ConfigError."""
    fields = read_object(data, where, ("authority",), ("credential",))
    credential = read_text(fields.get("credential", ""), f"{where}.credential", empty=True)
    try:
        place = authority(read_text(fields["authority"], f"{where}.authority"))
        return UpstreamProxy(place, checked_credential(credential) if credential else "")
    except (InvalidHostError, InvalidProxyError) as error:
        raise ConfigError(f"{where}: {error}") from None
