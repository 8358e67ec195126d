"""What is looked through: the parts of a push, and each of them as often as it can be read."""

from collections.abc import Iterator

from attrs import field, frozen

from sidecars.gitgate.unpack import Budget, views


@frozen
class Document:
    """Something to be looked through: a part of an object, and what a message says of where it stands."""

    oid: str
    place: str
    content: bytes = field(repr=False)
    path: str = ""


def readings(document: Document, budget: Budget) -> Iterator[tuple[str, bytes]]:
    """The content, what is packed in it, and each of them without NUL where it has some (UTF-16, padding), by path.

    Raises TooMuchError.
    """
    yield from _spoken(document.path, document.content)
    for name, inner in views(document.content, budget):
        yield from _spoken(f"{document.path}!{name}", inner)


def _spoken(path: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield path, content
    if b"\0" in content:
        yield path, content.replace(b"\0", b"")
