"""The door of a container whose sidecars serve a box elsewhere, as a value and as JSON-able data."""

from attrs import field, frozen

from bottle.domain.strict_json import ConfigError, JsonObject, read_integer, read_object, read_text, read_tuple

_HIGHEST = 65535
_KEY_BYTES = 32


@frozen
class DoorStart:
    """`port` is where it listens, `doors` are the ports on the container's loopback to which it opens."""

    port: int
    doors: tuple[int, ...]
    key: bytes = field(repr=False)


def start_document(start: DoorStart) -> JsonObject:
    return {"port": start.port, "doors": list(start.doors), "key": start.key.hex()}


def parse_start(data: object) -> DoorStart:
    """The start that `start_document` wrote; raises ConfigError, which quotes nothing of the key."""
    fields = read_object(data, "the document", ("port", "doors", "key"), ())
    return DoorStart(
        port=_port(fields["port"], "port"), doors=read_tuple(fields["doors"], "doors", _port), key=_key(fields["key"])
    )


def _port(value: object, where: str) -> int:
    return read_integer(value, where, 1, _HIGHEST)


def _key(value: object) -> bytes:
    try:
        key = bytes.fromhex(read_text(value, "key"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"key: {_KEY_BYTES} bytes are wanted, in hexadecimal digits")
    return key
