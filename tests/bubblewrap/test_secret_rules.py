"""The secret rules of a host without an engine: compiled once, whole or not at all, and never silently absent."""

from pathlib import Path

import pytest

from bottle.adapters import scanner_rules
from bottle.adapters.bubblewrap.secret_rules import SecretRules
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.errors import ProvisionError
from tests.support.secret_rules import lend, shared_rules


def test_compiled_rules_are_the_sidecars_files() -> None:
    rules = shared_rules()
    assert rules.are_there()
    assert rules.binds() == [(str(rules.place), "/run/bottle/patterns")]
    assert {path.name for path in rules.place.iterdir()} == {"rules.json", "rules.db"}


def test_what_is_there_is_not_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lend(tmp_path)
    monkeypatch.setattr(scanner_rules, "command", lambda *_: ["/bin/false"])
    SecretRules(tmp_path / "tools" / "secret-rules").install(FakeProgress())


def test_rules_that_cannot_be_had_are_an_error_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanner_rules, "command", lambda *_: ["/bin/sh", "-c", "echo no rules here >&2; exit 1"])
    rules = SecretRules(tmp_path / "rules")
    with pytest.raises(ProvisionError, match="no rules here"):
        rules.install(FakeProgress())
    assert [each.name for each in rules.folder.iterdir() if each.is_dir()] == []
    with pytest.raises(ProvisionError, match="the secret rules are not in"):
        rules.binds()


def test_rules_of_an_earlier_version_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = tmp_path / "rules" / "0123456789abcdef"
    earlier.mkdir(parents=True)
    (earlier / "rules.db").write_bytes(b"old")
    made = 'for name in rules.json rules.db; do echo new > "$1/$name"; done'
    monkeypatch.setattr(scanner_rules, "command", lambda _, place: ["/bin/sh", "-c", made, "sh", place])
    rules = SecretRules(tmp_path / "rules")
    rules.install(FakeProgress())
    assert [each for each in rules.folder.iterdir() if each.is_dir()] == [rules.place]
    assert {path.read_bytes() for path in rules.place.iterdir()} == {b"new\n"}


def test_whoever_compiles_them_another_user_can_read_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = 'umask 077; for name in rules.json rules.db; do echo new > "$1/$name"; done'
    monkeypatch.setattr(scanner_rules, "command", lambda _, place: ["/bin/sh", "-c", made, "sh", place])
    rules = SecretRules(tmp_path / "rules")
    rules.install(FakeProgress())
    assert {path.stat().st_mode & 0o777 for path in rules.place.iterdir()} == {0o644}
    assert rules.place.stat().st_mode & 0o777 == 0o755
