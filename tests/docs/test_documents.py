"""The documents are true of the program: links lead somewhere, commands exist, files that are named are there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer

from bottle.adapters.manifests.store import ManifestFiles
from bottle.cli.main import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/decisions/*.md"), ROOT / "examples/README.md"]
)
LIVING = [path for path in DOCUMENTS if path.parent.name != "decisions" and path.name != "CHANGELOG.md"]
"""What speaks of the present; decisions and the changelog also name what was."""

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FOLDERS = "benchmarks|docs|examples|images|scripts|sidecars|src|tests"
_COMMAND = re.compile(r"\s*(?:\$ )?bottle (.*)")
_ENDS = frozenset({"#", "|", ">"})
_NAMED = re.compile(rf"`((?:{_FOLDERS})/[\w./-]+)`")
_GAP = re.compile(r"'?\.\.\.'?|<\w+>")


def ids(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def fences(text: str, language: str | None = None) -> list[str]:
    """The blocks of code, all or those of one language, without what they are indented by."""
    found = _FENCE.findall(text)
    blocks = [
        (kind, "\n".join(line.removeprefix(indent) for line in body.splitlines())) for indent, kind, body in found
    ]
    return [body for kind, body in blocks if language is None or kind == language]


def anchors(path: Path) -> set[str]:
    """The headings as a forge makes addresses of them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids(DOCUMENTS))
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in _LINK.findall(_FENCE.sub("", path.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", LIVING, ids=ids(LIVING))
def test_every_file_that_is_named_is_there(path: Path) -> None:
    missing = [name for name in _NAMED.findall(path.read_text()) if not (ROOT / name).exists()]
    assert missing == []


def test_every_document_is_in_the_index() -> None:
    index = set(_LINK.findall((ROOT / "docs/README.md").read_text()))
    assert {path.name for path in ROOT.glob("docs/*.md") if path.name != "README.md"} <= index


def test_every_benchmark_is_among_the_figures() -> None:
    """By the words with which it is run."""
    told = (ROOT / "docs/figures.md").read_text()
    programs = [path for path in ROOT.glob("benchmarks/**/*.py") if "__main__" in path.read_text()]
    assert len(programs) > 8
    names = [path.relative_to(ROOT) for path in programs]
    assert [
        name
        for name in names
        if f"`python {name}`" not in told and f"`python -m {'.'.join(name.with_suffix('').parts)}`" not in told
    ] == []


def commands(text: str) -> Iterator[list[str]]:
    """The words of each `bottle` command line that is shown or named; of words such as `list|show` the first."""
    shown = [line for block in fences(text) for line in block.splitlines()]
    named = re.findall(r"`(bottle [^`]+)`", _FENCE.sub("", text))
    for line in (*shown, *named):
        if found := _COMMAND.match(re.sub(r"\$\(.*?\)", "", line)):
            yield [word.partition("|")[0] for word in takewhile(lambda word: word not in _ENDS, found[1].split())]


@cache
def program() -> Any:
    return typer.main.get_command(app)


def options(words: list[str]) -> tuple[list[str], set[str]]:
    """The options among the words, and all that their command has. Raises KeyError for a command that is none."""
    command: Any = program()
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        command, words = command.commands[words[0]], words[1:]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"-h", "--help"}
    own = words[: words.index("--")] if "--" in words else words
    return [word.partition("=")[0] for word in own if word.startswith("-") and word != "-"], known


@pytest.mark.parametrize("path", LIVING, ids=ids(LIVING))
def test_every_command_exists_with_its_options(path: Path) -> None:
    for words in commands(path.read_text()):
        used, known = options(words)
        assert set(used) <= known, words


def test_commands_are_found_in_every_place_where_one_may_stand() -> None:
    block = '$ bottle list --json  # --no\necho x |\n  bottle run a - > --no\nbottle export "$(jq -r . f)" --yes\n'
    found = list(commands(f"so `bottle stop --all`\n```\n{block}```\n"))
    assert [words[0] for words in found] == ["list", "run", "export", "stop"]
    assert [options(words)[0] for words in found] == [["--json"], [], ["--yes"], ["--all"]]
    with pytest.raises(KeyError):
        options(["strat"])


def whole_bottles() -> list[str]:
    """The recipes that are whole files of bottles."""
    blocks = fences((ROOT / "docs/recipes.md").read_text(), "yaml")
    return [block for block in blocks if block.startswith("---\n") and "\nbottle:" not in block]


@pytest.mark.parametrize("number", range(len(whole_bottles())))
def test_every_recipe_loads(tmp_path: Path, number: int) -> None:
    bottles, agents = tmp_path / "bottles", tmp_path / "agents"
    bottles.mkdir()
    agents.mkdir()
    (bottles / "claude.md").write_text((ROOT / "examples/bottles/claude.md").read_text())
    (bottles / "recipe.md").write_text(f"{whole_bottles()[number]}\n")
    (agents / "cook.md").write_text("---\nbottle: recipe\n---\n")
    assert ManifestFiles(tmp_path, None).load("cook").bottle_for("cook").agent_provider.template


@cache
def said() -> str:
    """Every text of the program, what is put in at run time left out."""
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "sidecars").rglob("*.py")]
    trees = (ast.walk(ast.parse(path.read_text())) for path in sources)
    texts = (node.value for tree in trees for node in tree if isinstance(node, ast.Constant))
    return "\n".join(text for text in texts if isinstance(text, str))


def symptoms() -> list[str]:
    """What the troubleshooting page quotes of the program."""
    text = (ROOT / "docs/troubleshooting.md").read_text()
    rules = re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)
    return re.findall(r"\*\*`(.+?)`\*\*", text) + [rule for cell in rules for rule in re.findall(r"`(.+?)`", cell)]


@pytest.mark.parametrize("symptom", symptoms())
def test_every_symptom_is_said_by_the_program(symptom: str) -> None:
    pieces = [piece.strip(" '") for piece in _GAP.split(symptom)]
    assert any(len(piece) > 3 for piece in pieces)
    assert [piece for piece in pieces if piece not in said()] == []
