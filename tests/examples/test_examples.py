"""The examples load as they are, and mean what they say."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support import forks
from tests.support.requirements import require

EXAMPLES = Path(__file__).parents[2] / "examples"
AGENTS = sorted(path.stem for path in (EXAMPLES / "agents").glob("*.md"))
BOTTLES = sorted(path.stem for path in (EXAMPLES / "bottles").glob("*.md"))
PROVIDERS = {"codex": "codex", "ollama": "opencode"}
"""Those of bottles whose agent is not Claude Code."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the examples and, for each bottle, an agent that names it: so that every bottle is loaded."""
    shutil.copytree(EXAMPLES / "plugins", tmp_path / "contrib")
    for kind in ("agents", "bottles"):
        (tmp_path / kind).mkdir()
        for path in (EXAMPLES / kind).glob("*.md"):
            (tmp_path / kind / path.name).write_text(path.read_text())
    for bottle in BOTTLES:
        (tmp_path / "agents" / f"of-{bottle}.md").write_text(f"---\nbottle: {bottle}\n---\n")
    return tmp_path


def ask(home: Path, *arguments: str, **changed: str) -> dict[str, Any]:
    """What the command line answers about them."""
    env = {**os.environ, "BOT_BOTTLE_HOME": str(home), **changed}
    done = forks.run([*arguments, "--json"], env=env, cwd=home)
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0, answer
    return answer


@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_loads(home: Path, agent: str) -> None:
    assert ask(home, "info", agent)["bottle"] in BOTTLES


@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_does_without_an_engine(home: Path, agent: str) -> None:
    require("bubblewrap")
    told = ask(home, "start", agent, "--dry-run", DOCKER_HOST="unix:///nonexistent")
    assert told["backend"] == "bubblewrap"
    assert told["image"].startswith("claude ")


@pytest.mark.parametrize("bottle", BOTTLES)
def test_every_bottle_loads(home: Path, bottle: str) -> None:
    assert ask(home, "info", f"of-{bottle}")["provider"] == PROVIDERS.get(bottle, "claude")


@pytest.mark.parametrize(
    ("agent", "method", "url", "allowed"),
    [
        ("coder", "GET", "https://pypi.org/simple/attrs/", True),
        ("coder", "POST", "https://pypi.org/legacy/", False),
        ("coder", "GET", "https://example.com/", False),
        ("reviewer", "GET", "https://api.github.com/repos/a/b/pulls/1", True),
        ("reviewer", "GET", "https://api.github.com/user", False),
        ("reviewer", "POST", "https://github.com/a/b.git/git-upload-pack", True),
        ("reviewer", "POST", "https://github.com/a/b.git/git-receive-pack", False),
        ("updater", "GET", "https://pypi.org/simple/attrs/", True),
        ("writer", "GET", "https://pypi.org/simple/attrs/", False),
        ("of-ollama", "POST", "http://ollama.home.arpa:11434/v1/chat/completions", True),
        ("of-ollama", "GET", "http://ollama.home.arpa/", False),
        ("of-local-model", "GET", "http://models.home.arpa:11434/api/tags", True),
        ("of-claude", "POST", "https://api.anthropic.com/v1/messages", True),
    ],
)
def test_they_mean_what_they_say(home: Path, agent: str, method: str, url: str, allowed: bool) -> None:
    assert ask(home, "explain", agent, url, "--method", method)["allowed"] is allowed


def test_the_table_of_contents_is_whole() -> None:
    listed = re.findall(r"\]\((.+?\.md)\)", (EXAMPLES / "README.md").read_text())
    assert sorted(listed) == sorted(
        [*(f"agents/{name}.md" for name in AGENTS), *(f"bottles/{name}.md" for name in BOTTLES)]
    )
