"""Typed looks at a node: each gives the value or raises a ManifestError that says what was found and what is wanted."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from bottle.adapters.manifests.keys import Section
from bottle.adapters.manifests.nodes import Items, Node, Scalar, Table
from bottle.domain.environment import VARIABLE
from bottle.domain.names import did_you_mean, is_entity_name

T = TypeVar("T")
Word = TypeVar("Word", bound=str)

ENTITY_RULE = "lower-case letters, digits and hyphens, a letter first"
_LONG_FOR_A_NAME = 32
_TOKEN_PREFIXES = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "sk_live_", "sk_test_", "npm_", "hf_")


def table(node: Node, section: Section, *, instead: Mapping[str, str] | None = None) -> Table:
    """A mapping that says nothing but the section's keys."""
    if not isinstance(node, Table):
        raise node.wanted("a mapping", hint=f"its keys are: {', '.join(section.names)}")
    return node.only(section.names, instead=instead)


def any_table(node: Node, of_what: str) -> Table:
    """A mapping whose keys are names that the user chooses."""
    if not isinstance(node, Table):
        raise node.wanted(f"a mapping of {of_what}")
    return node


def optional(owner: Table, key: str, read: Callable[[Node], T], default: T) -> T:
    """What `read` makes of the key, or the default when it is not said."""
    node = owner.get(key)
    return default if node is None else read(node)


def items(node: Node, what: str) -> tuple[Node, ...]:
    """The entries of a list."""
    if isinstance(node, Items):
        return node.items
    hint = f"write `[{node.text}]`" if isinstance(node, Scalar) and isinstance(node.value, int | float) else None
    raise node.wanted(f"a list of {what}", hint=hint or "write `[...]`, or one entry a line with `- ` in front")


def some(node: Node, what: str, without: str) -> tuple[Node, ...]:
    """The entries of a list that may not be empty: whether that would mean all or none, nobody can tell."""
    entries = items(node, what)
    if not entries:
        raise node.error("an empty list could mean all or none", hint=f"leave the key out for {without}")
    return entries


def distinct(nodes: Sequence[Node], read: Callable[[Node], T]) -> tuple[T, ...]:
    """The values of the nodes; one that stands twice is refused."""
    values: list[T] = []
    for node in nodes:
        value = read(node)
        if value in values:
            raise node.error("stands in the list twice", hint="keep one")
        values.append(value)
    return tuple(values)


def raw_text(node: Node) -> str:
    """A text of any content, even none."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    quotable = isinstance(node, Scalar) and bool(node.text)
    raise node.wanted("a text", hint=f'write `"{node.text}"`' if quotable and isinstance(node, Scalar) else None)


def line(node: Node) -> str:
    """A text without control characters or line ends; may be empty."""
    text = raw_text(node)
    if not text.isprintable():
        raise node.error("holds a control or invisible character", hint="one line of plain text is wanted")
    return text


def text(node: Node) -> str:
    """A line that says something."""
    value = line(node)
    if not value.strip():
        raise node.error("is empty", hint="write its value, or leave the key out")
    if value != value.strip():
        raise node.error("has spaces around it", hint="take them out")
    return value


def flag(node: Node) -> bool:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    raise node.wanted("`true` or `false`", hint="write it without quotes")


def integer(node: Node) -> int:
    if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value
    raise node.wanted("a whole number")


def entity(node: Node) -> str:
    """The name of a bottle, an agent or a provider template."""
    name = text(node)
    if not is_entity_name(name):
        raise node.error(f"'{name}' is no name", hint=f"a name is {ENTITY_RULE}")
    return name


def one_of(node: Node, known: Sequence[Word], *, instead: Mapping[str, str] | None = None) -> Word:
    """One of the known words."""
    word = text(node)
    for candidate in known:
        if word == candidate:
            return candidate
    raise node.error(f"'{word}' is not known here", hint=(instead or {}).get(word) or did_you_mean(word, known))


def variable(node: Node) -> str:
    """The name of the host's variable that holds a secret. The text is never repeated: it may be the secret."""
    name = text(node)
    if _looks_like_a_token(name):
        raise node.error(
            "looks like a secret itself, not like the name of one",
            hint="put the secret into an environment variable and write that variable's name here",
        )
    if VARIABLE.match(name) is None:
        raise node.error(
            "is not the name of an environment variable", hint="letters, digits and `_`, as in `STAGING_TOKEN`"
        )
    return name


def _looks_like_a_token(name: str) -> bool:
    mixed = any(character.islower() for character in name) and any(character.isdigit() for character in name)
    return name.startswith(_TOKEN_PREFIXES) or (mixed and len(name) >= _LONG_FOR_A_NAME)


def host_path(node: Node) -> str:
    """A file of the host. Relative ones would be looked for in whatever repository the user stands in."""
    path = text(node)
    if not path.startswith(("/", "~/")):
        raise node.error("is relative to nothing in particular", hint="start the path with `/` or `~/`")
    return path
