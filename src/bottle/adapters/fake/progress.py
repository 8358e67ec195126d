"""Talk that is kept to be looked at."""

from attrs import define, field


@define
class FakeProgress:
    """ports.Progress."""

    steps: list[str] = field(factory=list)
    details: list[str] = field(factory=list)

    def step(self, text: str) -> None:
        self.steps.append(text)

    def detail(self, text: str) -> None:
        self.details.append(text)
