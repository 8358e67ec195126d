"""An operator whose answers are known beforehand."""

from collections.abc import Iterable, Mapping

from attrs import define, field

from bottle.domain.errors import SecretMissingError, UsageError


def _answers(answers: Iterable[bool]) -> list[bool]:
    return list(answers)


def _lines(lines: Iterable[str]) -> list[str]:
    return list(lines)


@define
class FakeOperator:
    """ports.Operator. `asked` lists questions and names of secrets; a question without an answer fails the test.
    `lines` are the answers to those that want a line; a terminal whose lines are used up has ended."""

    answers: list[bool] = field(factory=list, converter=_answers)
    lines: list[str] = field(factory=list, converter=_lines)
    secrets: Mapping[str, str] = field(factory=dict, repr=False)
    terminal: bool = True
    asked: list[str] = field(factory=list)

    def confirm(self, question: str) -> bool:
        if not self.terminal:
            raise UsageError("no terminal to ask the question on", hint="`--yes` answers it beforehand")
        self.asked.append(question)
        if not self.answers:
            raise AssertionError(f"nobody expected to be asked: {question}")
        return self.answers.pop(0)

    def ask_line(self, question: str) -> str | None:
        if not self.terminal:
            return None
        self.asked.append(question)
        return self.lines.pop(0) if self.lines else None

    def ask_secret(self, name: str) -> str:
        if not self.terminal:
            raise SecretMissingError(f"no terminal to ask for {name} on")
        self.asked.append(name)
        value = self.secrets.get(name, "")
        if not value:
            raise SecretMissingError(f"no value was typed for {name}")
        return value
