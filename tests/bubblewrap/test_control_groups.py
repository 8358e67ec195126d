"""Control groups of systemd, with a stand-in for systemd-run. With a real one, in a machine of its own: tests/guest."""

import os
import subprocess
from pathlib import Path

import pytest
from attrs import define

from bottle.adapters.bubblewrap import control_groups
from bottle.adapters.bubblewrap.control_groups import ControlGroups
from bottle.domain.manifest import Resources

STAND_IN = """#!/bin/sh
[ "$1" = --version ] && echo "systemd {version} (of some kind)" && exit 0
[ -n "$XDG_RUNTIME_DIR" ] || {{ echo "Failed to connect to bus: \\$XDG_RUNTIME_DIR not defined" >&2; exit 1; }}
while [ "$1" != -- ]; do shift; done; shift
exec "$@"
"""
RESOURCES = Resources(memory=1024**3, cpus=1.5, pids=100)


@define
class Host:
    """A host with a systemd for a user of an ordinary number."""

    folder: Path
    environ: dict[str, str]

    def gives(self, controllers: str) -> None:
        group = self.folder / "cgroup/user.slice/user-1234.slice/user@1234.service"
        group.mkdir(parents=True, exist_ok=True)
        (group / "cgroup.controllers").write_text(controllers)

    def has(self, version: str) -> None:
        program = self.folder / "bin/systemd-run"
        program.parent.mkdir(exist_ok=True)
        program.write_text(STAND_IN.format(version=version))
        program.chmod(0o755)

    def found(self) -> ControlGroups:
        groups = control_groups.found(self.environ)
        assert groups is not None
        return groups


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    runtime = tmp_path / "run"
    (runtime / "systemd/private").mkdir(parents=True)
    monkeypatch.setattr(control_groups, "ROOT", tmp_path / "cgroup")
    monkeypatch.setattr(control_groups, "_SYSTEMD", runtime / "systemd")
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    made = Host(tmp_path, {"PATH": f"{tmp_path}/bin", "XDG_RUNTIME_DIR": str(runtime)})
    made.gives("cpu memory pids\n")
    made.has("257")
    return made


def test_what_runs_in_one_is_started_without_an_environment_and_gets_none(host: Host) -> None:
    """systemd-run finds a user's systemd by a variable alone, and the keeper is started with none."""
    words = host.found().around(RESOURCES)
    assert subprocess.run([*words, "/usr/bin/env"], env={}, capture_output=True, check=True).stdout == b""


def test_the_limits_are_the_manifests_and_room_for_the_sidecars(host: Host) -> None:
    words = host.found().around(RESOURCES)
    assert [word for word in words if "=" in word and not word.startswith("XDG")] == [
        "MemoryMax=1342177280",
        "MemorySwapMax=0",
        "TasksMax=164",
        "CPUQuota=150%",
        "OOMPolicy=continue",
    ]


@pytest.mark.parametrize("version", ["252.39-1", "249", "of its own"])
def test_a_systemd_that_ends_the_whole_group_is_not_told_to_spare_it(host: Host, version: str) -> None:
    """It would refuse the word; the keeper ends who takes too much before the kernel does."""
    host.has(version)
    groups = host.found()
    assert not groups.spare_the_rest
    assert not any(word.startswith("OOMPolicy") for word in groups.around(RESOURCES))


def test_what_the_user_was_not_given_is_not_claimed(host: Host) -> None:
    host.gives("memory pids\n")
    assert host.found().limits == "memory, processes"
    host.gives("cpu io memory pids\n")
    assert host.found().limits == "memory, processes, processor time"


@pytest.mark.parametrize("controllers", ["", "cpu pids", "memory"])
def test_without_memory_and_processes_there_are_none(host: Host, controllers: str) -> None:
    host.gives(controllers)
    assert control_groups.found(host.environ) is None


def test_those_of_version_1_are_none(host: Host) -> None:
    (host.folder / "cgroup").rename(host.folder / "cgroup-of-version-2")
    assert control_groups.found(host.environ) is None


@pytest.mark.parametrize("lack", ["PATH", "XDG_RUNTIME_DIR"])
def test_without_a_users_systemd_there_are_none(host: Host, lack: str) -> None:
    assert control_groups.found({**host.environ, lack: str(host.folder / "nowhere")}) is None


def test_roots_are_the_systems(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert control_groups.found(host.environ) is None, "the system gives nothing"
    (host.folder / "cgroup/cgroup.controllers").write_text("cpu memory pids\n")
    assert host.found().words == (f"{host.folder}/bin/systemd-run", "--scope")
