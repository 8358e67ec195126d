"""What a manifest says before anybody asks what it means: scalars, lists, mappings that know their place and key path.

Every complaint is made by the node that it is about, so that it can say `file:line:column: key.path: ...`. None repeats
a text that may be a secret: somebody will have written one where its name belongs.
"""

from collections.abc import Iterable, Mapping
from math import isfinite

from attrs import frozen

from bottle.domain.errors import ManifestError
from bottle.domain.names import did_you_mean

Value = str | int | float | bool | None
MAX_DEPTH = 10


@frozen
class Place:
    """A spot in a file, counted from one; line 0 means the source as a whole."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@frozen
class Node:
    """Something that stands at a place, under a key path (empty: the manifest itself)."""

    at: Place
    path: str

    @property
    def kind(self) -> str:
        """What this is, in words for a message."""
        raise NotImplementedError

    def error(self, message: str, *, hint: str | None = None) -> ManifestError:
        where = f"{self.at}: {self.path}" if self.path else str(self.at)
        return ManifestError(f"{where}: {message}", hint=hint)

    def wanted(self, what: str, *, hint: str | None = None) -> ManifestError:
        """The complaint about a value of the wrong type."""
        return self.error(f"found {self.kind}, wanted {what}", hint=hint)


@frozen
class Scalar(Node):
    """One word or number. `text` is its spelling in the file; `blank` when nothing at all stands after the key."""

    value: Value
    text: str = ""
    blank: bool = False

    @property
    def kind(self) -> str:
        if self.blank:
            return "nothing"
        if self.value is None or isinstance(self.value, bool):
            return f"`{str(self.value).lower() if self.value is not None else 'null'}`"
        return "a text" if isinstance(self.value, str) else f"the number {self.text}"


@frozen
class Items(Node):
    """A list."""

    items: tuple[Node, ...]

    @property
    def kind(self) -> str:
        return "a list"


@frozen
class Entry:
    """One key of a mapping and what stands there."""

    key: Scalar
    value: Node


@frozen
class Table(Node):
    """A mapping. An explicit `null` counts as not said; a key with nothing after it is a mistake, left unfinished."""

    entries: Mapping[str, Entry]

    @property
    def kind(self) -> str:
        return "a mapping"

    def get(self, name: str) -> Node | None:
        """What stands under the key, or None when it is not said."""
        entry = self.entries.get(name)
        if entry is None or not isinstance(entry.value, Scalar) or entry.value.value is not None:
            return entry.value if entry else None
        if entry.value.blank:
            raise entry.key.error(
                "nothing stands after the key", hint="write its value, take the key out, or write `null` for not said"
            )
        return None

    def need(self, name: str, example: str) -> Node:
        """What stands under a key that must be there; `example` shows how it is written."""
        node = self.get(name)
        if node is None:
            raise self.error(f"`{name}` is missing", hint=f"write `{name}: {example}`")
        return node

    def only(self, known: Iterable[str], *, instead: Mapping[str, str] | None = None) -> "Table":
        """This table, when it says nothing but the known keys. `instead` gives the hints for keys one may expect."""
        names = tuple(known)
        for name, entry in self.entries.items():
            if name not in names:
                raise entry.key.error("unknown key", hint=(instead or {}).get(name) or did_you_mean(name, names))
        return self


def child_path(parent: str, key: str) -> str:
    """The path of a key: `git.user`, `git.remotes[git.example.org]`; what could disturb a terminal is escaped."""
    if key and key.replace("_", "").replace("-", "").isalnum() and key.isascii():
        return f"{parent}.{key}" if parent else key
    shown = key if key.isprintable() else ascii(key)[1:-1]
    return f"{parent}[{shown}]" if parent else shown


def from_data(data: object, source: str, path: str = "", depth: int = 0) -> Node:
    """The node of a plain value: mappings with text keys, lists, texts, numbers, booleans or None.

    Raises ManifestError for anything else.
    """
    at = Place(source)
    if depth > MAX_DEPTH:
        raise Scalar(at, path, None).error(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(data, Mapping):
        return Table(at, path, {key: _entry(key, item, source, path, depth) for key, item in _keyed(data, at, path)})
    if isinstance(data, list | tuple):
        nodes = (from_data(item, source, f"{path}[{index}]", depth + 1) for index, item in enumerate(data))
        return Items(at, path, tuple(nodes))
    if isinstance(data, str) and not _is_unicode(data):
        raise Scalar(at, path, None).error("half of a surrogate pair has no place in a manifest")
    if data is None or isinstance(data, str | bool | int) or (isinstance(data, float) and isfinite(data)):
        return Scalar(at, path, data, _spelled(data))
    raise Scalar(at, path, None).error(f"a value of type {type(data).__name__} has no place in a manifest")


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _keyed(data: Mapping[object, object], at: Place, path: str) -> Iterable[tuple[str, object]]:
    for key, item in data.items():
        if not isinstance(key, str) or not _is_unicode(key):
            raise Scalar(at, path, None).error("a key is not a text")
        yield key, item


def _entry(key: str, item: object, source: str, path: str, depth: int) -> Entry:
    full = child_path(path, key)
    return Entry(Scalar(Place(source), full, key, key), from_data(item, source, full, depth + 1))


def _spelled(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
