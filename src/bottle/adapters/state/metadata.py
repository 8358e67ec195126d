"""metadata.json: read what any version wrote, write our own."""

import json
from typing import Any, cast

import cattrs
from attrs import fields_dict

from bottle.domain.errors import ConflictError
from bottle.domain.state import METADATA_VERSION, Metadata
from bottle.domain.taken_out import below_home

MAX_BYTES = 1024 * 1024

_WHEN_MISSING: dict[str, Any] = {"agent_name": "", "bottle": "", "backend": "docker", "started_at": ""}
"""What older versions left out: they knew one backend, and did not write the bottle down."""


def encode(metadata: Metadata) -> bytes:
    """The file's content."""
    return (json.dumps(_converter.unstructure(metadata), indent=2) + "\n").encode()


def decode(content: bytes, identity: str, path: str) -> Metadata:
    """The metadata that a file of this identity holds: missing keys have their defaults, unknown ones are passed over.

    Raises ConflictError, naming the file, when it is not that.
    """
    if len(content) > MAX_BYTES:
        raise damaged(identity, path, "larger than any metadata")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise damaged(identity, path, "no JSON") from None
    if not isinstance(found, dict):
        raise damaged(identity, path, "no JSON object")
    known = {name: value for name, value in found.items() if name in fields_dict(Metadata)}
    try:
        metadata = _converter.structure({"identity": identity, **_WHEN_MISSING, **known}, Metadata)
    except cattrs.BaseValidationError as error:
        raise damaged(identity, path, _first_complaint(error), _version(known)) from None
    if metadata.identity != identity:
        raise damaged(identity, path, "about another identity", metadata.version)
    try:
        list(map(below_home, metadata.transcript))
    except ValueError as error:
        raise damaged(identity, path, f"transcript: {error}", metadata.version) from None
    return metadata


def damaged(identity: str, path: str, what: str, version: int = METADATA_VERSION) -> ConflictError:
    """The error for a file that cannot be trusted. What runs under the identity may still be running."""
    hint = f"`bottle cleanup {identity}` removes what is left of it"
    if version > METADATA_VERSION:
        hint = f"a newer bottle wrote it: use that one, or `bottle cleanup {identity}`"
    return ConflictError(f"{path}: the metadata is damaged: {what}", hint=hint)


def _version(known: dict[str, Any]) -> int:
    version = known.get("version")
    return version if isinstance(version, int) else METADATA_VERSION


def _first_complaint(error: cattrs.BaseValidationError) -> str:
    """Where and what, as `backend: is not known`."""
    what, _, where = cattrs.transform_error(error, format_exception=_say)[0].partition(" @ $.")
    return f"{where}: {what}" if where else what


def _say(error: BaseException, _type: type | None) -> str:
    return str(error) if isinstance(error, _UnexpectedTypeError) else "is not known"


class _UnexpectedTypeError(ValueError):
    """A value of another type than the key's."""


_KINDS: dict[type, str] = {str: "text", int: "whole number", bool: "true or false"}


def _exactly(kind: type) -> Any:
    def structure(value: object, _type: object) -> object:
        # `True` is an int in Python and must not pass for a version or a status.
        if type(value) is not kind:
            raise _UnexpectedTypeError(f"is no {_KINDS[kind]}")
        return value

    return structure


def _texts(value: object, _type: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _UnexpectedTypeError("is no list of texts")
    return tuple(value)


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    for kind in _KINDS:
        converter.register_structure_hook(kind, cast("Any", _exactly(kind)))
    converter.register_structure_hook_func(lambda wanted: wanted == tuple[str, ...], _texts)
    return converter


_converter = _make_converter()
