"""The host's secrets, from the environment that wiring hands in and from the logins that agent programs keep."""

from collections.abc import Callable, Iterable, Mapping

from bottle.domain.errors import SecretMissingError


class HostCredentials:
    """ports.Credentials over a mapping of variables. Shows no value, in `repr` or in any error.

    `kept` reads the tokens of logins by their name, which is never that of a variable (a manifest cannot name it); each
    raises SecretMissingError with its own remedy.
    """

    def __init__(self, environment: Mapping[str, str], kept: Mapping[str, Callable[[], str]] | None = None) -> None:
        self._environment = environment
        self._kept = kept or {}

    def available(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(name for name in names if self._is_there(name))

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
        if name in self._kept:
            return self._kept[name]()
        value = self._environment.get(name, "")
        if not value:
            raise SecretMissingError(f"not set in this environment: {name}", hint=f"export {name}=... and start again")
        return value

    def _is_there(self, name: str) -> bool:
        try:
            return bool(self.variable(name))
        except SecretMissingError:
            return False


def _unusable(name: str, what: str) -> SecretMissingError:
    return SecretMissingError(
        f"the value of {name} holds {what}, which no header can carry", hint=f"export {name} anew, without it"
    )
