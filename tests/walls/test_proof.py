"""A box with one wall less is never handed over: the launch says which wall it is, and leaves nothing."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.bubblewrap import box as box_module
from bottle.adapters.bubblewrap import bpf, ground, proof, sandbox
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.errors import ProvisionError, WallsError
from bottle.domain.hosts import Authority
from bottle.domain.provision import CA_BUNDLE
from tests.support import bottles, host_person
from tests.support.requirements import require

Weakening = Callable[[list[str]], list[str]]
PORT = 18731
"""Not a port that the host uses: a box without a network of its own listens there."""
SOCKET, AF_VSOCK, EAFNOSUPPORT = 41, 40, 97


def without(*words: str) -> Weakening:
    """Each word goes, with as many behind it as follow its colon."""
    counts = {name: int(count or 0) for name, _, count in (word.partition(":") for word in words)}

    def weaken(arguments: list[str]) -> list[str]:
        kept, skipped = [], 0
        for word in arguments:
            skipped = skipped - 1 if skipped else counts.get(word, -1) + 1
            if not skipped:
                kept.append(word)
        assert len(kept) < len(arguments)
        return kept

    return weaken


def with_more(*words: str) -> Weakening:
    """Something more, before all is made read-only."""

    def weaken(arguments: list[str]) -> list[str]:
        place = arguments.index("--remount-ro", arguments.index("/dev") + 1)
        return [*arguments[:place], *words, *arguments[place:]]

    return weaken


def instead(old: Sequence[str], new: Sequence[str]) -> Weakening:
    def weaken(arguments: list[str]) -> list[str]:
        place = next(n for n in range(len(arguments)) if arguments[n : n + len(old)] == list(old))
        return [*arguments[:place], *new, *arguments[place + len(old) :]]

    return weaken


def replaced(path: str, file: Path) -> Weakening:
    """Another file in the place of one of the box's own."""

    def weaken(arguments: list[str]) -> list[str]:
        place = next(
            n for n in range(2, len(arguments)) if arguments[n - 2] == "--ro-bind-data" and arguments[n] == path
        )
        assert arguments[place - 4] == "--perms"
        return [*arguments[: place - 4], "--ro-bind", str(file), *arguments[place:]]

    return weaken


def both(*weakenings: Weakening) -> Weakening:
    def weaken(arguments: list[str]) -> list[str]:
        for each in weakenings:
            arguments = each(arguments)
        return arguments

    return weaken


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Weakening], None]]:
    """Launches a box whose arguments were weakened; whatever comes of it, nothing may be left."""
    require("bubblewrap")
    monkeypatch.setattr(ground, "NOBODY", host_person.NUMBER)
    backend = bottles.bubblewrap_backend(f"proof:{os.getpid()}")
    plan = evolve(bottles.a_plan(bottles.PROGRAMS), proxy=Authority("egress", PORT))
    packed = sandbox.packed

    def launch(weakening: Weakening) -> None:
        def weakened(arguments: Sequence[str]) -> bytes:
            return packed(weakening(list(arguments)) if "--unshare-net" in arguments else arguments)

        monkeypatch.setattr(sandbox, "packed", weakened)
        with bottles.audit_directory() as audit:
            backend.launch(plan, bottles.a_cargo(), audit, FakeProgress(), bottles.never)

    yield launch
    left = backend.leftovers()
    backend.destroy(plan.identity)
    assert not left
    assert plan.identity not in Path("/proc/net/unix").read_text()
    assert not [path for path in Path("/proc").glob("[0-9]*/environ") if _is_of(path, plan.identity)]


def _is_of(environ: Path, identity: str) -> bool:
    """Whether the process has the box's name for its machine's."""
    try:
        return identity.encode() in (environ.parent / "root/etc/hostname").read_bytes()
    except OSError:
        return False


def test_a_whole_box_is_handed_over(launches: Callable[[Weakening], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same launch with nothing taken away comes to its end."""
    judged: list[bytes] = []
    judge = proof.judge

    def note(output: bytes) -> None:
        judge(output)
        judged.append(output)
        raise ProvisionError("it was handed over")

    monkeypatch.setattr(proof, "judge", note)
    with pytest.raises(ProvisionError, match="handed over"):
        launches(lambda arguments: arguments)
    assert len(judged) == 1


WEAKER: dict[str, tuple[Weakening, str]] = {
    "the host's network": (without("--unshare-net"), "network: there is a device besides loopback"),
    "no filter": (without("--seccomp:1"), "system calls: nothing filters them"),
    "capabilities": (instead(("--cap-drop", "ALL"), ("--cap-add", "ALL")), "capabilities: some"),
    "root": (instead(("--uid", "1000"), ("--uid", "0")), "user: the agent is root"),
    "the host's message queues": (without("--unshare-ipc"), r"namespaces: the host's own \(ipc\)"),
    "the host's name": (without("--unshare-uts", "--hostname:1"), r"namespaces: the host's own \(uts\)"),
    "the host's processes": (
        both(
            without("--unshare-pid", "--as-pid-1"),
            instead(("--proc", "/proc"), ("--ro-bind", "/proc", "/proc")),
        ),
        r"namespaces: the host's own \(pid\)|processes: others",
    ),
    "a directory to write to": (
        with_more("--bind", "/var/tmp", "/mnt"),
        "files: something of the host's can be written",
    ),
    "a system to write to": (
        instead(("--ro-bind", "/usr", "/usr"), ("--bind", "/usr", "/usr")),
        "files: something of the host's can be written",
    ),
    "a root to write to": (
        instead(("--remount-ro", "/dev", "--remount-ro", "/"), ()),
        "files: something of the host's can be written",
    ),
    "a device": (with_more("--dev-bind", "/dev/null", "/dev/kvm"), "files: something of the host's can be written"),
    "a directory to read": (with_more("--ro-bind", "/mnt", "/mnt"), "files: a directory of the host's can be seen"),
    "settings to read": (with_more("--ro-bind", "/etc", "/etc"), "files: a directory of the host's can be seen"),
    "a socket": (with_more("--ro-bind", "/dev/null", "/run/docker.sock"), "sockets: one of the host's is in the box"),
    "a session bus": (with_more("--dir", "/run/user"), "sockets: one of the host's is in the box"),
}


@pytest.mark.parametrize("case", list(WEAKER))
def test_a_box_with_a_wall_less_is_refused_by_name(launches: Callable[[Weakening], None], case: str) -> None:
    weakening, wall = WEAKER[case]
    with pytest.raises(WallsError, match=wall):
        launches(weakening)


def test_a_box_that_can_make_namespaces_is_refused(
    launches: Callable[[Weakening], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two walls hold there; with both gone, under a filter that refuses little, it is noticed."""
    vsock = bpf.look_at(bpf.low(0), bpf.equal(AF_VSOCK, bpf.refuse(EAFNOSUPPORT), bpf.ALLOW))
    monkeypatch.setattr(
        box_module, "box_filter", lambda _: bpf.look_at(bpf.NUMBER, bpf.equal(SOCKET, vsock, bpf.ALLOW))
    )
    with pytest.raises(WallsError, match="namespaces: new ones can be had"):
        launches(without("--disable-userns"))


def test_a_box_that_can_talk_to_a_hypervisor_is_refused(
    launches: Callable[[Weakening], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/vsock").exists():
        pytest.skip("this kernel knows no vsock")
    monkeypatch.setattr(box_module, "box_filter", lambda _: bpf.ALLOW)
    with pytest.raises(WallsError, match="network: a socket to the hypervisor can be had"):
        launches(lambda arguments: arguments)


@pytest.mark.parametrize(
    ("hosts", "wall"),
    [
        ("127.0.0.1 localhost egress\n192.0.2.1 example.com\n", "names: an outside name is not refused"),
        ("127.0.0.1 localhost\n127.0.0.2 egress\n", "way out: the sidecar does not answer at its port"),
    ],
)
def test_a_box_with_other_names_is_refused(
    launches: Callable[[Weakening], None], tmp_path: Path, hosts: str, wall: str
) -> None:
    file = _reachable(tmp_path / "hosts", hosts)
    with pytest.raises(WallsError, match=wall):
        launches(replaced("/etc/hosts", file))


def test_a_box_that_does_not_trust_its_authority_is_refused(
    launches: Callable[[Weakening], None], tmp_path: Path
) -> None:
    file = _reachable(tmp_path / "bundle", "")
    with pytest.raises(ProvisionError, match="not trusted"):
        launches(replaced(CA_BUNDLE, file))


def _reachable(file: Path, content: str) -> Path:
    """A file of this content that whoever makes the box can open."""
    file.write_text(content)
    for parent in (file, *file.parents):
        if parent.stat().st_uid == os.getuid() and parent != parent.parent and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o055 if parent.is_dir() else 0o644)
    return file


def test_a_home_below_the_systems_directories_is_not_shown(
    launches: Callable[[Weakening], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some hosts keep homes there, where a box sees all."""
    if not os.access("/usr/local", os.W_OK):
        pytest.skip("nothing can be put below /usr")
    with tempfile.TemporaryDirectory(prefix="bottle-walls-", dir="/usr/local") as home:
        monkeypatch.setenv("HOME", home)
        Path(home).chmod(0o755)
        with pytest.raises(WallsError, match="files: a directory of the host's can be seen"):
            launches(lambda arguments: arguments)


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b"{}", b'{"status": {}}', b"null"])
def test_a_report_that_says_nothing_proves_nothing(said: bytes) -> None:
    with pytest.raises(WallsError):
        proof.judge(said)
