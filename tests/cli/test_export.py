"""bottle export, as a person calls it."""

from tests.cli.conftest import CommandLine


def test_an_unknown_bottle_is_not_exported(bottle: CommandLine) -> None:
    """The usual answer and exit status for a name that nobody has."""
    told = bottle("export", "coder-zzzzz")
    assert told.status == 4
    assert "coder-zzzzz" in told.err
