"""An operator who is called and remembers by whom."""

from collections.abc import Sequence

from bottle.domain.supervise import Asked


class FakeNotifier:
    """ports.Notifier. `called` lists the proposals, `complaints` is what every call comes back with."""

    def __init__(self, complaints: Sequence[str] = ()) -> None:
        self.called: list[Asked] = []
        self.complaints = tuple(complaints)

    def notify(self, asked: Asked) -> Sequence[str]:
        self.called.append(asked)
        return self.complaints
