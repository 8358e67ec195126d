"""Writes the manual page bottle(1) from the program's own help: `make man`.

Exit statuses and variables are those of docs/exit-status.md and docs/environment.md.
"""

import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from pathlib import Path
from textwrap import wrap
from typing import Any

import typer

from bottle import __version__
from bottle.cli.help import EXAMPLES, GROUPS
from bottle.cli.main import app

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "man" / "bottle.1"
_COMMENT = '.\\" Made by `make man` from the help of the program and docs/*.md.'
_HELP = "`bottle COMMAND --help` tells the same of one command."
_WIDTH = 65
"""Of a line of prose; what has to be marked makes it longer."""
_FILES = {
    "~/.bot-bottle/bottles/*.md": "Bottles: boxes and their rules.",
    "~/.bot-bottle/agents/*.md": "Agents: who works in which bottle, and the prompt.",
    ".bot-bottle/agents/*.md": "Agents that a repository brings along, for bottles of yours.",
    "~/.bot-bottle/state/": "What is kept of each bottle, until `bottle cleanup`.",
    "~/.bot-bottle/tools/": "Agent programs and compiled rules, for hosts without an engine.",
}


def page() -> str:
    """The whole page, in man(7)."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("bottle", ["x"], resilient_parsing=True)
    parts = [
        [_COMMENT, f'.TH BOTTLE 1 "" "bottle {__version__}" "User Commands"'],
        [".SH NAME", r"bottle \- run a coding agent unattended in a box that holds no credential"],
        [".SH SYNOPSIS", r".B bottle", r".I COMMAND", "[OPTIONS] [ARGUMENTS]"],
        [".SH DESCRIPTION", *paragraphs(f"{command.help}\n\n{_HELP}")],
        *(group(heading, names, command, context) for heading, names in GROUPS.items()),
        [".SH EXIT STATUS", *terms(table("exit-status.md")), *below_table("exit-status.md")],
        [".SH ENVIRONMENT", *terms(table("environment.md")), *below_table("environment.md")],
        [".SH FILES", *terms(_FILES.items())],
        [".SH EXAMPLES", *examples("bottle")],
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def group(heading: str, names: Iterable[str], command: Any, context: Any) -> Iterator[str]:
    yield f".SH {text(heading).upper()}"
    for name in names:
        yield from one(command.commands[name], context, name)


def one(command: Any, parent: Any, name: str) -> Iterator[str]:
    """A command with its options and examples, and with its own commands."""
    context = type(parent)(command, info_name=name, parent=parent)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f".SS {text(usage)}"
    yield from paragraphs(cleandoc(command.help or ""))
    yield from terms(record for option in command.params if (record := option.get_help_record(context)))
    path = context.command_path.removeprefix("bottle ")
    if path in EXAMPLES:
        yield from (".PP", *examples(path))
    for below, each in getattr(command, "commands", {}).items():
        yield from one(each, context, below)


def examples(name: str) -> Iterable[str]:
    """The command's examples, as they are typed."""
    shown = (f"{line}    # {about}" if about else line for line, about in EXAMPLES[name])
    return (".nf", *map(text, shown), ".fi")


def terms(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Words and what they mean."""
    for word, meaning in pairs:
        yield from (".TP", rf"\fB{text(word)}\fR", *lines(meaning))


def paragraphs(prose: str) -> Iterator[str]:
    first, *others = prose.split("\n\n")
    yield from lines(first)
    for paragraph in others:
        yield from (".PP", *lines(paragraph))


def table(name: str) -> Iterator[tuple[str, str]]:
    """The first and the last column of a document's table."""
    for row in re.findall(r"^\| (.+) \|$", (DOCS / name).read_text(), re.MULTILINE)[1:]:
        first, *_, last = row.split("|")
        yield first.strip().replace("`", ""), last


def below_table(name: str) -> Iterator[str]:
    """The prose behind it."""
    yield ".PP"
    yield from paragraphs((DOCS / name).read_text().rpartition("|\n")[2].strip())


def lines(prose: str) -> Iterator[str]:
    """One paragraph in short lines."""
    return map(text, wrap(" ".join(prose.split()), _WIDTH, break_on_hyphens=False, break_long_words=False))


def text(written: str) -> str:
    """Help or Markdown as man(7) has it: nothing in it is a request, and what stands in backquotes is bold."""
    plain = written.replace("\\", r"\e").replace("-", r"\-")
    marked = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", plain)
    return rf"\&{marked}" if marked.startswith((".", "'")) else marked


def main() -> None:
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
    print(PAGE)


if __name__ == "__main__":
    main()
