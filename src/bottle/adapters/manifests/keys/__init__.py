"""Every key that a manifest may have, told once: the loader knows no others, and docs/manifest.md lists them all."""

from collections.abc import Iterator

from attrs import field, frozen

REQUIRED = "required"


@frozen
class Key:
    """One key: what kind of value it takes, what that means, and what holds where it is not said (Markdown).

    `section` is what the keys below it are, where it takes a mapping of known keys or a list of such.
    """

    name: str
    kind: str
    means: str
    unsaid: str
    section: "Section | None" = None


@frozen
class Section:
    """The keys that may stand side by side. `path` is where: `egress.routes[]`."""

    path: str
    keys: tuple[Key, ...]
    names: tuple[str, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(key.name for key in self.keys))

    def below(self) -> "Iterator[Section]":
        """This one and all within."""
        yield self
        for key in self.keys:
            if key.section is not None:
                yield from key.section.below()
