"""What is kept of a bottle was damaged by a disk or by somebody hostile: each command says so, and none obeys it."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from attrs import asdict, frozen

from bottle.cli.main import run
from tests.support.kept import DEMO

IDENTITY: Final = DEMO.identity
ENDED: Final = asdict(DEMO) | {"backend": "docker", "ended_at": "2026-01-01T01:00:00+00:00", "keep_workspace": True}
COMMANDS: Final = (
    ("list", "--all"),
    ("list", "--all", "--json"),
    ("info", IDENTITY),
    ("logs", IDENTITY),
    ("logs", IDENTITY, "--sidecar"),
    ("resume", IDENTITY, "--yes"),
    ("run", "demo", "task", "--resume", IDENTITY),
    ("export", IDENTITY, "--yes"),
    ("stop", IDENTITY),
    ("attach", IDENTITY),
    ("cleanup", "--dry-run"),
)


NEIGHBOUR: Final = "demo-zzzzz"


@frozen
class Kept:
    """The state of a bottle that has ended, and a directory that is nobody's business."""

    state: Path
    outside: Path

    def write(self, name: str, content: bytes) -> None:
        (self.state / name).write_bytes(content)

    def link(self, name: str) -> None:
        """The part becomes a link to the directory outside, a file one to the file in it."""
        path = self.state / name
        target = self.outside if path.is_dir() else self.outside / "precious"
        self.remove(name)
        path.symlink_to(target)

    def directory(self, name: str) -> None:
        self.remove(name)
        (self.state / name).mkdir()

    def pipe(self, name: str) -> None:
        self.remove(name)
        os.mkfifo(self.state / name)

    def remove(self, name: str) -> None:
        path = self.state / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _metadata(**changes: object) -> bytes:
    return json.dumps(ENDED | changes).encode()


_WHOLE: Final = _metadata()
DAMAGES: Final[Mapping[str, Callable[[Kept], None]]] = {
    "metadata empty": lambda kept: kept.write("metadata.json", b""),
    "metadata cut": lambda kept: kept.write("metadata.json", _WHOLE[:100]),
    "metadata no text": lambda kept: kept.write("metadata.json", b"\xff\xfe{}"),
    "metadata deep": lambda kept: kept.write("metadata.json", b"[" * 100_000),
    "metadata huge": lambda kept: kept.write("metadata.json", b" " * 2_000_000),
    "metadata newer": lambda kept: kept.write("metadata.json", _metadata(version=99, more=[1])),
    "metadata another's": lambda kept: kept.write("metadata.json", _metadata(identity="other-abc12")),
    "metadata of other types": lambda kept: kept.write("metadata.json", _metadata(argv={}, transcript=7)),
    "metadata of no time": lambda kept: kept.write("metadata.json", _metadata(started_at="soon", ended_at="later")),
    "metadata with escapes": lambda kept: kept.write("metadata.json", _metadata(label="\x1b[2J", agent_name="\u202e")),
    "metadata that leads out": lambda kept: kept.write("metadata.json", _metadata(transcript=["/etc", "../x"])),
    "metadata a link": lambda kept: kept.link("metadata.json"),
    "metadata a directory": lambda kept: kept.directory("metadata.json"),
    "metadata a pipe": lambda kept: kept.pipe("metadata.json"),
    "metadata missing": lambda kept: kept.remove("metadata.json"),
    "lock a link": lambda kept: kept.link("lock"),
    "lock a directory": lambda kept: kept.directory("lock"),
    "trail garbage": lambda kept: kept.write("lifecycle.jsonl", b"\xff\0{]\n" * 100),
    "trail a link": lambda kept: kept.link("lifecycle.jsonl"),
    "trail a pipe": lambda kept: kept.pipe("lifecycle.jsonl"),
    "way out's trail a link": lambda kept: kept.link("egress"),
    "logs a link": lambda kept: kept.link("logs"),
    "snapshots a link": lambda kept: kept.link("snapshot"),
    "snapshot empty": lambda kept: kept.write("snapshot/transcript.tar", b""),
    "snapshot cut": lambda kept: kept.write("snapshot/workspace.tar", b"x" * 700),
    "snapshot a link": lambda kept: kept.link("snapshot/transcript.tar"),
    "snapshot a directory": lambda kept: kept.directory("snapshot/workspace.tar"),
    "snapshot a pipe": lambda kept: kept.pipe("snapshot/transcript.tar"),
}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    home = tmp_path / "home"
    state = home / "state" / IDENTITY
    for folder in ("egress", "logs", "snapshot"):
        (state / folder).mkdir(parents=True)
    for name in ("lock", "lifecycle.jsonl", "egress/audit.jsonl", "snapshot/transcript.tar", "snapshot/workspace.tar"):
        (state / name).write_bytes(bytes(1024) if name.endswith("tar") else b"")
    (state / "metadata.json").write_bytes(_WHOLE)
    (state.with_name(NEIGHBOUR) / "logs").mkdir(parents=True)
    (state.with_name(NEIGHBOUR) / "logs/sidecar.log").write_bytes(bytes(5000))
    (state.with_name(NEIGHBOUR) / "metadata.json").write_text(json.dumps(ENDED | {"identity": NEIGHBOUR}))
    (home / "agents").mkdir()
    (home / "bottles").mkdir()
    (home / "agents" / "demo.md").write_text("---\nbottle: dev\n---\n")
    (home / "bottles" / "dev.md").write_text("---\nagent_provider: {template: claude}\n---\n")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    monkeypatch.setenv("BOT_BOTTLE_HOME", str(home))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    monkeypatch.chdir(tmp_path)
    return Kept(state, outside)


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_command_says_what_is_wrong_and_touches_nothing_else(
    kept: Kept, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    DAMAGES[damage](kept)
    for command in COMMANDS:
        status = run(command)
        out, err = capfd.readouterr()
        assert "unforeseen" not in err, f"{command}: {err}"
        assert "\x1b" not in out + err
        assert status < 128, command
        assert not status or "bottle: error: " in err or '"error"' in out, f"{command}: {err}"
        if command == ("list", "--all", "--json"):
            sizes = {row["identity"]: row["bytes"] for row in json.loads(out)}
            assert sizes[NEIGHBOUR] > 5000, "what is beside it is listed with its size"
    assert run(("cleanup", IDENTITY, "--yes")) in {0, 5}
    assert {path.name: path.read_text() for path in kept.outside.iterdir()} == {"precious": "precious"}
