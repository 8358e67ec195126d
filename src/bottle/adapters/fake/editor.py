"""An operator who edits as is known beforehand."""

from collections.abc import Callable

from attrs import define, field


@define
class FakeEditor:
    """ports.Editor. `changes` makes what is left of what is shown; `shown` keeps that."""

    changes: Callable[[str], str] = str
    shown: list[str] = field(factory=list)

    def edit(self, text: str, identity: str) -> str:  # noqa: ARG002
        self.shown.append(text)
        return self.changes(text)
