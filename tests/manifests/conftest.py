"""A home directory to write manifests into, and short ways to read one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bottle.adapters.manifests.frontmatter import parse
from bottle.adapters.manifests.store import ManifestFiles
from bottle.adapters.manifests.structure import agent_from, bottle_from
from bottle.domain.errors import ManifestError
from bottle.domain.manifest import Agent, Bottle

PROVIDER = "agent_provider: {template: claude}"

Write = Callable[..., Path]
ReadBottle = Callable[[str], Bottle]
ReadAgent = Callable[..., Agent]
Refusal = Callable[[str], tuple[str, str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty `.bot-bottle`."""
    folder = tmp_path / "home" / ".bot-bottle"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    return folder


@pytest.fixture
def files(home: Path, repository: Path) -> ManifestFiles:
    return ManifestFiles(home, repository)


@pytest.fixture
def write(home: Path) -> Write:
    """Writes a manifest with this frontmatter under the home directory."""

    def write_file(name: str, frontmatter: str, body: str = "") -> Path:
        path = home / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"---\n{frontmatter}\n---\n{body}", encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def bottle() -> ReadBottle:
    """The bottle that a frontmatter says."""
    return lambda head: bottle_from(parse(f"---\n{head}\n---\n", "bottles/dev.md").root, "dev")


@pytest.fixture
def agent() -> ReadAgent:
    """The agent that a frontmatter and a body say."""

    def read(head: str, body: str = "") -> Agent:
        document = parse(f"---\n{head}\n---\n{body}", "agents/helper.md")
        return agent_from(document.root, "helper", document.body)

    return read


@pytest.fixture
def refusal(bottle: ReadBottle) -> Refusal:
    """Message and hint with which a bottle's frontmatter is refused."""

    def refused(head: str) -> tuple[str, str]:
        with pytest.raises(ManifestError) as caught:
            bottle(head)
        return str(caught.value), caught.value.hint or ""

    return refused
