"""Secrets of a host that is made up."""

from collections.abc import Mapping

from bottle.adapters.credentials import HostCredentials


class FakeCredentials(HostCredentials):
    """ports.Credentials, as strict as the real one because it is that. `read` lists the values that were asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.read: list[str] = []

    def value(self, name: str) -> str:
        self.read.append(name)
        return super().value(name)
