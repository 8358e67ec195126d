"""The host's secrets, from the environment that wiring hands in."""

from collections.abc import Iterable, Mapping

from bottle.domain.errors import SecretMissingError


class HostCredentials:
    """ports.Credentials over a mapping of variables. Shows no value, in `repr` or in any error."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def available(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(name for name in names if self._environment.get(name))

    def value(self, name: str) -> str:
        """The value, fit for a header: printable ASCII. Raises SecretMissingError, naming the variable alone.

        A value with a line end would add headers of its own; it is refused and not trimmed, because the secret that is
        looked for in traffic must be the very one that its owner knows.
        """
        value = self.variable(name)
        if not (value.isascii() and value.isprintable()):
            what = "a line end or another control character" if value.isascii() else "a character outside of ASCII"
            raise _unusable(name, what)
        if value != value.strip():
            raise _unusable(name, "space at its beginning or end")
        return value

    def variable(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            raise SecretMissingError(f"not set in this environment: {name}", hint=f"export {name}=... and start again")
        return value


def _unusable(name: str, what: str) -> SecretMissingError:
    return SecretMissingError(
        f"the value of {name} holds {what}, which no header can carry", hint=f"export {name} anew, without it"
    )
