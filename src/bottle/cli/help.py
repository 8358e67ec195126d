"""How help reads: commands in groups, usage in the spelling of manual pages, examples at the end."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "To work": ("start", "run", "resume", "attach", "exec", "stop"),
    "To watch and answer": ("list", "dashboard", "logs", "supervise"),
    "To know what a bottle may": ("info", "explain", "rules"),
    "To bring home and clear up": ("export", "cleanup"),
    "To set up": ("init", "doctor", "completion"),
}

EXAMPLES: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "bottle": (
        ("bottle init", "a first bottle and agent"),
        ("bottle start coder --cwd", "a session on a copy of this directory"),
        ("bottle explain coder https://pypi.org/", "may it? and why not?"),
        ("bottle dashboard", "all bottles on one screen"),
    ),
    "start": (
        ("bottle start coder --dry-run", "the plan, and nothing else"),
        ("bottle start coder --cwd --keep-workspace", "work that can be exported"),
        ("bottle start coder -- --model opus", "an option of the agent's own"),
    ),
    "run": (
        ('bottle run coder "fix the failing test" --cwd --keep-workspace', ""),
        ("bottle run coder - --json < task.md", "the task from a file"),
        ('bottle run coder "and now the docs" --resume coder-x7k2p', ""),
    ),
    "resume": (("bottle resume coder-x7k2p", ""),),
    "attach": (("bottle attach coder-x7k2p", ""),),
    "exec": (
        ("bottle exec coder-x7k2p -- git log --oneline", ""),
        ("bottle exec coder-x7k2p -- bash", "a shell in the box"),
    ),
    "stop": (
        ("bottle stop coder-x7k2p", ""),
        ("bottle stop --all", ""),
    ),
    "list": (
        ("bottle list", ""),
        ("bottle list --all", "also what is kept of those that ended"),
    ),
    "info": (
        ("bottle info coder", "an agent"),
        ("bottle info coder-x7k2p", "a bottle"),
    ),
    "explain": (
        ("bottle explain coder https://api.github.com/user", ""),
        ("bottle explain coder https://pypi.org/legacy/ -X POST --body dist.tar.gz", ""),
    ),
    "rules": (("bottle rules coder", ""),),
    "logs": (
        ("bottle logs coder-x7k2p", "each request and the answer to it"),
        ("bottle logs coder-x7k2p --follow --json", ""),
    ),
    "export": (
        ("bottle export coder-x7k2p --dry-run", "what changed"),
        ("bottle export coder-x7k2p", "as a branch of this repository"),
        ("bottle export coder-x7k2p --patch work.patch", ""),
    ),
    "cleanup": (
        ("bottle cleanup --dry-run", "what would go"),
        ("bottle cleanup --older-than 30d --images", ""),
    ),
    "init": (
        ("bottle init", ""),
        ("bottle init helper --for codex", ""),
    ),
    "completion": (
        ("bottle completion bash > ~/.local/share/bash-completion/completions/bottle", ""),
        ("bottle completion fish > ~/.config/fish/completions/bottle.fish", ""),
        ("source <(bottle completion zsh)", "in ~/.zshrc, after compinit"),
    ),
    "supervise": (
        ("bottle supervise list", ""),
        ("bottle supervise approve q7m2kf4d --minutes 10", ""),
        ('bottle supervise reject q7m2kf4d --reason "use the mirror"', ""),
    ),
}
"""Command lines and what they are for, by command. They are tried by a test, and stand in the manual."""


def examples(command: str) -> str | None:
    """What stands below the command's help; None where it has no example."""
    shown = EXAMPLES.get(command, ())
    if not shown:
        return None
    width = max((len(line) for line, about in shown if about), default=0)
    lines = [f"{line:<{width}}  {about}".rstrip() for line, about in shown]
    return "\n".join(f"  {line}" for line in lines)


class _Exemplary:
    """Whose epilog is examples, each line as it stands."""

    epilog: str | None

    def format_epilog(self, _ctx: Any, formatter: Any) -> None:
        if self.epilog:
            formatter.write(f"\nExamples:\n{self.epilog}\n")


class Command(_Exemplary, TyperCommand):
    """One command. What must be given stands bare in its usage, what may be left out in brackets."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]


class Subcommands(_Exemplary, TyperGroup):
    """Commands of a command."""


class Group(Subcommands):
    """All commands, by what one wants."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        known = {name: command for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))}
        space = formatter.width - max(map(len, known)) - 4
        for heading, names in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, known[name].get_short_help_str(space)) for name in names], col_spacing=2)
