"""Text of a manifest to nodes: a small, strict part of YAML, read from PyYAML's events to resolve nothing.

Taken: block and flow mappings and lists, quoted and bare one-line scalars, comments. Refused, with place and remedy:
anchors, aliases, tags, merge keys, block scalars, scalars over several lines, further documents, directives, duplicate
keys, doubtful bare words, tabs, control and invisible characters, and whatever is too deep or too long.
"""

import unicodedata
from collections.abc import Iterator

import yaml
from attrs import frozen

from bottle.adapters.manifests.nodes import MAX_DEPTH, Entry, Items, Node, Place, Scalar, Table, child_path
from bottle.adapters.manifests.words import AmbiguousWordError, meaning
from bottle.domain.errors import ManifestError

MAX_FRONTMATTER = 64 * 1024
FENCE = "---"
_SYNTAX_HINT = "put a text that holds `: `, ` #`, a bracket or a leading sign into double quotes"
_LIST_HINT = "a list stands below a key with nothing behind it: `routes:`, not `routes: []`"


@frozen
class Document:
    """A manifest file in two: what the frontmatter says, and the text below it."""

    root: Table
    body: str


def parse(text: str, source: str) -> Document:
    """The two halves of a manifest. `source` names the file in messages. Raises ManifestError and nothing else."""
    head, body = _split(text.removeprefix("\ufeff").replace("\r\n", "\n"), source)
    _refuse_characters(head, source)
    return Document(_Reader(head, source).document(), body)


def _split(text: str, source: str) -> tuple[str, str]:
    """The lines between the fences, and what follows."""
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        raise Table(Place(source, 1, 1), "", {}).error(
            "no frontmatter stands at the top", hint=f"open the file with a line `{FENCE}`, and close with another"
        )
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == FENCE:
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :])
    raise Table(Place(source, 1, 1), "", {}).error(
        "the frontmatter that opens here is never closed", hint=f"write a line `{FENCE}` below its last key"
    )


def _refuse_characters(head: str, source: str) -> None:
    """Tabs indent differently to everyone; control and invisible characters show something else than they say."""
    if len(head) > MAX_FRONTMATTER:
        raise Table(Place(source, 1, 1), "", {}).error(f"the frontmatter is longer than {MAX_FRONTMATTER} characters")
    for number, line in enumerate(head.split("\n"), start=2):
        for column, character in enumerate(line, start=1):
            if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
                raise _bad_character(character, Place(source, number, column))


def _bad_character(character: str, at: Place) -> ManifestError:
    spot = Table(at, "", {})
    if character == "\t":
        return spot.error("a tab stands here", hint="indent and separate with spaces; in double quotes write `\\t`")
    return spot.error(f"the invisible character U+{ord(character):04X} stands here", hint="take it out, or escape it")


class _Reader:
    """PyYAML's events, one at a time, as nodes."""

    def __init__(self, head: str, source: str) -> None:
        self._source = source
        self._events = self._guarded(head)

    def document(self) -> Table:
        next(self._events)  # the start of the stream
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return Table(Place(self._source, 1, 1), "", {})
        if isinstance(event, yaml.DocumentStartEvent) and (event.explicit or event.version or event.tags):
            raise self._error(event, "", "a directive or a further document", "a manifest is one plain document")
        root = self._node(next(self._events), "", 0)
        if not isinstance(root, Table):
            raise root.wanted("a mapping of keys", hint="write `key: value`, one a line")
        self._finish()
        return root

    def _finish(self) -> None:
        end, last = next(self._events), next(self._events)
        if not (isinstance(end, yaml.DocumentEndEvent) and isinstance(last, yaml.StreamEndEvent)) or end.explicit:
            raise self._error(last, "", "a further document", "a manifest is one plain document")

    def _node(self, event: yaml.Event, path: str, depth: int) -> Node:
        self._refuse_decoration(event, path)
        if depth > MAX_DEPTH:
            raise self._error(event, path, f"nesting deeper than {MAX_DEPTH} levels", "no key of a manifest is so deep")
        if isinstance(event, yaml.MappingStartEvent):
            return self._table(event, path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(event, path, depth)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        raise self._error(event, path, f"{type(event).__name__}", "write plain keys and values")

    def _table(self, start: yaml.Event, path: str, depth: int) -> Table:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            if key.text in entries:
                first = entries[key.text].key.at.line
                raise key.error(f"the key stands here for the second time, first in line {first}", hint="keep one")
            entries[key.text] = Entry(key, self._node(next(self._events), key.path, depth + 1))
        return Table(self._place(start), path, entries)

    def _items(self, start: yaml.Event, path: str, depth: int) -> Items:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
        return Items(self._place(start), path, tuple(items))

    def _key(self, event: yaml.Event, path: str) -> Scalar:
        self._refuse_decoration(event, path)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._error(event, path, "a list or mapping as a key", "a key is one word")
        full = child_path(path, event.value)
        scalar = self._scalar(event, full)
        if not isinstance(scalar.value, str) or not scalar.value:
            raise scalar.error(f"a key is a text; found {scalar.kind}", hint="put the key into double quotes")
        return scalar

    def _scalar(self, event: yaml.ScalarEvent, path: str) -> Scalar:
        if event.style in ("|", ">"):
            raise self._error(event, path, "a block scalar", "write the text on one line, in double quotes")
        if event.start_mark and event.end_mark and event.start_mark.line != event.end_mark.line:
            raise self._error(event, path, "a value over several lines", "write it on one line, in double quotes")
        if any(unicodedata.category(character) == "Cs" for character in event.value):
            raise self._error(event, path, "half of a surrogate pair", "write the character itself")
        if event.style is not None:
            return Scalar(self._place(event), path, event.value, event.value)
        try:
            value = meaning(event.value)
        except AmbiguousWordError as error:
            raise Scalar(self._place(event), path, None).error(str(error), hint=error.remedy) from None
        return Scalar(self._place(event), path, value, event.value, blank=not event.value)

    def _refuse_decoration(self, event: yaml.Event, path: str) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise self._error(event, path, "an alias (`*`)", "write the value itself, or put it into double quotes")
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            raise self._error(event, path, "an anchor (`&`)", "write the value where it is needed, or quote it")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            raise self._error(event, path, "a tag (`!`)", "leave the tag out, or put the value into double quotes")

    def _guarded(self, head: str) -> Iterator[yaml.Event]:
        """The events; what PyYAML raises for broken input, some of it by accident, becomes ManifestError."""
        loader = yaml.SafeLoader(head)
        try:
            while loader.check_event():
                yield loader.get_event()  # type: ignore[no-untyped-call]
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self._syntax(mark, error.problem or "cannot be read") from None
        except (yaml.YAMLError, ValueError, OverflowError):
            raise self._syntax(loader.get_mark(), "cannot be read") from None
        finally:
            loader.dispose()

    def _syntax(self, mark: yaml.Mark | None, problem: str) -> ManifestError:
        line, column = (mark.line + 2, mark.column + 1) if mark else (1, 1)
        where = Place(self._source, line, column)
        hint = _LIST_HINT if problem.endswith("but found '-'") else _SYNTAX_HINT
        return Table(where, "", {}).error(f"not the YAML of a manifest: {problem}", hint=hint)

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._source, mark.line + 2, mark.column + 1) if mark else Place(self._source)

    def _error(self, event: yaml.Event, path: str, found: str, remedy: str) -> ManifestError:
        return Scalar(self._place(event), path, None).error(f"{found} has no place in a manifest", hint=remedy)
