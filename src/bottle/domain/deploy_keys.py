"""A key that a forge has for one repository and one bottle: what is written down of it, and how it is told again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from bottle.domain.strict_json import ConfigError, read_object, read_text, read_tuple

if TYPE_CHECKING:
    from bottle.domain.strict_json import JsonObject

_KEYS = ("provider", "url", "repository", "token_ref", "title", "public")


@frozen
class DeployKey:
    """Where the key is registered (`url` is the forge's, `repository` as `owner/name`), the *name* of the variable with
    the token for it, and its public half (type and key, without a comment)."""

    provider: str
    url: str
    repository: str
    token_ref: str
    title: str
    public: str = field(repr=False)

    def is_same(self, title: str, public: str) -> bool:
        """Whether what a forge shows is this key: by both, for anybody may call a key so."""
        return title == self.title and public.split()[:2] == self.public.split()


def title_of(identity: str) -> str:
    """What the key of a bottle is called where people see it."""
    return f"bottle {identity}"


def record_document(keys: tuple[DeployKey, ...]) -> JsonObject:
    """The record as JSON-able data."""
    return {"keys": [{name: getattr(key, name) for name in _KEYS} for key in keys]}


def read_record(data: object) -> tuple[DeployKey, ...]:
    """The keys that `record_document` wrote; raises ConfigError."""
    return read_tuple(read_object(data, "the record", ("keys",), ())["keys"], "keys", _key)


def _key(data: object, where: str) -> DeployKey:
    fields = read_object(data, where, _KEYS, ())
    texts = {name: read_text(fields[name], f"{where}.{name}") for name in _KEYS}
    if len(texts["public"].split()) != len(("type", "key")):
        raise ConfigError(f"{where}.public: type and key belong here")
    return DeployKey(**texts)
