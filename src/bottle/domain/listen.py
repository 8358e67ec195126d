"""Where a program beside the box listens, as a value and as JSON-able data."""

from attrs import frozen

from bottle.domain.strict_json import ConfigError, JsonObject, read_integer, read_object, read_text


@frozen
class Listen:
    """Where to listen: `host` and `port` (0 lets the system choose), the path of a Unix socket, or `handed`: the
    inherited descriptor of a Unix socket over which the listening socket itself comes (SCM_RIGHTS)."""

    host: str = ""
    port: int = 0
    unix: str = ""
    handed: int | None = None


def listen_document(listen: Listen) -> JsonObject:
    """Where to listen, as JSON-able data."""
    if listen.handed is not None:
        return {"handed": listen.handed}
    return {"unix": listen.unix} if listen.unix else {"host": listen.host, "port": listen.port}


def read_listen(data: object, where: str) -> Listen:
    """Where to listen; raises ConfigError."""
    fields = read_object(data, where, (), ("host", "port", "unix", "handed"))
    if set(fields) == {"unix"}:
        return Listen(unix=read_text(fields["unix"], f"{where}.unix"))
    if set(fields) == {"handed"}:
        return Listen(handed=read_integer(fields["handed"], f"{where}.handed", 3, 1023))
    if set(fields) == {"host", "port"}:
        return Listen(
            read_text(fields["host"], f"{where}.host"), read_integer(fields["port"], f"{where}.port", 0, 65535)
        )
    raise ConfigError(f"{where}: either `unix`, `handed`, or `host` and `port`, belong here")
