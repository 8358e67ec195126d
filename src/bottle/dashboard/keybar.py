"""The line of keys at the bottom of a screen."""

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer


class KeyBar(Footer):
    """Made anew only where other keys would stand in it.

    A look a second asks for it. What Textual makes anew each time is held on to by what it watches
    (Textualize/textual#6666), so that a screen which is left open for hours would grow without end.
    """

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._shown: list[object] | None = None

    def compose(self) -> ComposeResult:
        self._shown = self._keys() if self._bindings_ready else None
        self.mutate_reactive(Footer.compact)  # lets go of the keys that were here before
        yield from super().compose()

    def bindings_changed(self, screen: Screen[object]) -> None:
        if not self._bindings_ready or self._keys() != self._shown:
            super().bindings_changed(screen)

    def _keys(self) -> list[object]:
        active = self.screen.active_bindings.values()
        return [(binding, enabled, tooltip) for _, binding, enabled, tooltip in active if binding.show]
