"""docs/manifest.md says what the loader does: each key, what holds without it, and the words of each refusal."""

import re

import pytest

from bottle.adapters.manifests.frontmatter import parse
from bottle.adapters.manifests.keys import Key, Section, bottle, egress, git
from bottle.adapters.manifests.structure import agent_from, bottle_from
from bottle.domain.errors import ManifestError
from bottle.domain.manifest import Bottle, ManifestRoute, Remote
from scripts import manifest_reference as reference
from tests.docs.test_documents import fences

PAGE = reference.PAGE.read_text()
KEYS = [(path, key) for path, section in reference.SECTIONS.items() for key in section.keys if key.kind != "any"]
NO_MAPPING, NO_SCALAR = "true", "{unheard_of: 1}"


def test_the_page_is_what_the_script_makes_of_it() -> None:
    assert reference.rendered(PAGE) == PAGE, "`make reference` writes it"


def test_every_section_that_the_loader_knows_stands_in_it() -> None:
    """The tables of `bottle` and `agent` hold all below them that has no table of its own."""
    described = {name for kind, name in reference.marks(PAGE) if kind == "keys"}
    assert {"bottle", "agent"} <= described <= set(reference.SECTIONS)
    known = [value for module in (bottle, egress, git) for value in vars(module).values() if isinstance(value, Section)]
    assert set(map(id, known)) == set(map(id, reference.SECTIONS.values())), "one is below neither"


@pytest.mark.parametrize(("path", "key"), KEYS, ids=lambda value: value if isinstance(value, str) else value.name)
def test_the_loader_reads_every_key(path: str, key: Key) -> None:
    """Each is looked at: a value of another kind than the page says is refused, in that key's name."""
    wrong = NO_MAPPING if "mapping" in key.kind else NO_SCALAR
    with pytest.raises(ManifestError, match=rf"{key.name}(\.unheard_of)?: "):
        reference.load(path, f"{key.name}: {wrong}")


@pytest.mark.parametrize("head", fences(PAGE, "yaml"))
def test_every_example_loads(head: str) -> None:
    whole = head if head.startswith("---\n") else f"---\n{head}\n---\n"
    document = parse(whole, "x.md")
    said = agent_from(document.root, "x", document.body) if "\nbottle:" in whole else bottle_from(document.root, "x")
    assert said.name == "x"


def unsaid(key: str) -> str:
    """What the page says of a key that is left out."""
    found = re.search(rf"^\| `{re.escape(key)}` \|.*\| ([^|]*) \|$", PAGE, re.MULTILINE)
    assert found is not None, key
    return found[1]


def route(entry: str) -> ManifestRoute:
    loaded = reference.load("egress.routes[]", entry)
    assert isinstance(loaded, Bottle)
    assert loaded.routes is not None
    return loaded.routes[0]


def remote() -> Remote:
    loaded = reference.load("git.remotes.<host>", "push: {}")
    assert isinstance(loaded, Bottle)
    assert loaded.git.remotes is not None
    return loaded.git.remotes["git.example.org"]


def test_what_holds_without_a_key_is_what_the_page_says() -> None:
    limits = reference.load("resources", "pids: 1024")
    assert isinstance(limits, Bottle)
    assert limits.resources is not None
    assert limits.resources.memory == 4 * 1024**3
    assert (unsaid("resources.memory"), unsaid("resources.pids")) == ("`4g`", "`1024`")
    assert unsaid("resources.cpus") == f"`{limits.resources.cpus:g}`"
    plain, http = route("scheme: https"), route("scheme: http")
    assert unsaid("ports") == f"`{list(plain.ports)}`; `{list(http.ports)}` for `http`"
    assert (unsaid("scan"), plain.scan) == ("`true`", True)
    auth, keyed = route("auth: {token_ref: T}").auth, route("auth: {token_ref: T, header: x-api-key}").auth
    assert auth is not None
    assert keyed is not None
    assert unsaid("auth.header") == f"`{auth.header}`"
    assert unsaid("auth.scheme") == f"`{auth.scheme}`; none for any other header"
    assert keyed.scheme == ""
    push = remote().push
    assert (push.branches, push.tags, push.force, push.delete) == ((), (), False, False)
    assert unsaid("push") == "every branch, no tag, no rewriting"
