"""Whatever a file holds, it is a manifest or a ManifestError (MAN-18), and what was meant comes back as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bottle.adapters.manifests.frontmatter import parse
from bottle.adapters.manifests.store import ManifestFiles
from bottle.adapters.manifests.structure import agent_from, bottle_from, manifest_from_data
from bottle.domain.errors import BottleError, ManifestError
from bottle.domain.manifest import Agent, Bottle, Manifest

from .strategies import as_data, as_text, bottles

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*/*.md"))
PIECES = [
    *"[]{}:-?#&*!|>'\"%@`,~<=\\ \t\n\r\0",
    *("---\n", "...\n", "null", "yes", "0x1", "<<: ", "? ", "- ", "  ", "\ufeff", "\u2028", "\\UFFFFFFFF", "*a", "&a "),
    *(
        "egress:\n",
        "routes:\n",
        "host: ",
        "env:\n",
        "${",
        "auth: ",
        "é",
        "\ud7ff",
        "99999999999999999999",
        "%YAML 9.9\n",
    ),
]


def attempt(read: Callable[[], object]) -> object:
    """What comes out: a value, or the one line that refuses it. Any other exception fails the test."""
    try:
        return read()
    except ManifestError as error:
        return str(error)


def bottle_or_error(text: str) -> object:
    result = attempt(lambda: bottle_from(parse(text, "bottles/dev.md").root, "dev"))
    assert isinstance(result, Bottle) or is_complaint(result)
    return result


def is_complaint(result: object) -> bool:
    """Whether this is a message that opens with a place, in one line that no terminal acts on."""
    return isinstance(result, str) and result.isprintable() and ".md:" in result


def agent_of_text(text: str) -> Agent:
    document = parse(text, "agents/dev.md")
    return agent_from(document.root, "dev", document.body)


@given(bottles())
def test_a_bottle_that_is_written_down_is_read_back_as_it_was(bottle: Bottle) -> None:
    assert bottle_or_error(as_text(as_data(bottle))) == bottle


@given(bottles())
def test_plain_values_and_text_say_the_same(bottle: Bottle) -> None:
    (from_data,) = manifest_from_data({"bottles": {"dev": as_data(bottle)}}).bottles.values()
    assert from_data.source == "manifest"
    assert bottle_or_error(as_text(as_data(bottle))) == Bottle(
        **{name: getattr(from_data, name) for name in _FIELDS}, source="bottles/dev.md"
    )


_FIELDS = ("name", "env", "git", "agent_provider", "routes", "supervise", "backend", "resources")


@given(st.binary(max_size=400))
@example(b"")
@example(b"---\n\xff\n---\n")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_in_a_file_are_a_manifest_or_a_manifest_error(home: Path, content: bytes) -> None:
    for folder in ("bottles", "agents"):
        (home / folder).mkdir(exist_ok=True)
        (home / folder / "dev.md").write_bytes(content)
    with pytest.raises(BottleError):
        ManifestFiles(home, None).load("dev")


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map("".join))
@settings(max_examples=500)
def test_any_frontmatter_is_a_bottle_or_a_manifest_error(head: str) -> None:
    bottle_or_error(f"---\n{head}\n---\n")


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=500)
def test_a_damaged_manifest_is_a_manifest_or_a_manifest_error(path: Path, data: st.DataObject) -> None:
    text = path.read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text = text[:start] + data.draw(st.sampled_from(PIECES)) + text[end:]
    bottle_or_error(text)
    agent = attempt(lambda: agent_of_text(text))
    assert isinstance(agent, Agent) or is_complaint(agent)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
KEYS = ("extends", "env", "git", "agent_provider", "egress", "supervise", "backend", "resources")


@given(st.dictionaries(st.sampled_from(KEYS), PLAIN))
def test_any_plain_values_are_a_manifest_or_a_manifest_error(data: dict[str, Any]) -> None:
    result = attempt(lambda: manifest_from_data({"bottles": {"dev": data}}))
    assert isinstance(result, Manifest) or (isinstance(result, str) and result.isprintable())
