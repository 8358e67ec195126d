"""Deploy keys against Gitea's API and a real sshd: a key lives as long as its bottle, and opens one repository."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve, frozen

from bottle.adapters.deploy_keys.files import RECORD, DeployKeyFiles
from bottle.domain.errors import BottleError, ConflictError, ProvisionError
from bottle.domain.manifest import KeyWish, Remote
from tests.gitgate.conftest import World
from tests.support.gitea import Gitea, gitea
from tests.support.requirements import require
from tests.support.sshd import sshd

IDENTITY, OTHER = "probe-00000", "probe-11111"
TOKEN = "made-up-forge-token-91bb-xyz"


@frozen
class Place:
    """A forge, the state of bottles, and a remote that wants a key of its own."""

    forge: Gitea
    state: Path
    remote: Remote
    keys: DeployKeyFiles
    world: World

    def start(self, private: str) -> None:
        """A gate with this key in the place of the usual one."""
        (self.world.server.folder / "client_key").write_text(private)
        self.world.start()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    require("/usr/sbin/sshd")
    with sshd(tmp_path / "sshd") as server:
        world = World(tmp_path, server)
        repository = str(world.upstream).strip("/").removesuffix(".git")
        with gitea(repository, TOKEN, tmp_path, server) as forge:
            remote = evolve(world.remote, deploy_key=KeyWish("gitea", forge.url, "FORGE_TOKEN"))
            (tmp_path / "state" / IDENTITY).mkdir(parents=True)
            (tmp_path / "state" / OTHER).mkdir()
            keys = DeployKeyFiles(tmp_path / "state", lambda: forge.root, lambda: None)
            try:
                yield Place(forge, tmp_path / "state", remote, keys, world)
            finally:
                world.stop()


def test_a_key_that_writes_lives_as_long_as_its_bottle(place: Place) -> None:
    """It is registered before the start, it pushes, and once it is withdrawn it opens nothing."""
    private = place.keys.issue(IDENTITY, "git.test", place.remote, TOKEN)
    place.start(private)
    work = place.world.clone()
    commit = work.commit({"a": "1\n"})
    work("push", "--quiet", "origin", "main")
    assert place.world.tip() == commit
    for key in place.keys.registered(IDENTITY):
        place.keys.withdraw(IDENTITY, key, TOKEN)
    assert (place.forge.keys, place.keys.registered(IDENTITY)) == ({}, ())
    assert "Permission denied (publickey)" in work.attempt("fetch").said


def test_a_key_that_only_reads(place: Place) -> None:
    """A bottle may clone with it; what it pushes is refused by the forge."""
    wish = KeyWish("gitea", place.forge.url, "FORGE_TOKEN", read_only=True)
    place.start(place.keys.issue(IDENTITY, "git.test", evolve(place.remote, deploy_key=wish), TOKEN))
    work = place.world.clone()
    before = place.world.tip()
    work.commit({"a": "1\n"})
    assert work.attempt("push", "origin", "main").status != 0
    assert place.world.tip() == before


def test_the_record_has_no_secret_and_comes_first(place: Place) -> None:
    """A forge that fails in the middle leaves a record by which the key is found; neither token nor key is in it."""
    private = place.keys.issue(IDENTITY, "git.test", place.remote, TOKEN)
    record = place.state / IDENTITY / RECORD
    assert TOKEN not in record.read_text()
    assert not any(line in record.read_text() for line in private.splitlines())
    assert record.stat().st_mode & 0o077 == 0
    place.forge.refusing = 500
    with pytest.raises(ProvisionError, match=r"does not register keys of .* \(500\)") as caught:
        place.keys.issue(OTHER, "git.test", place.remote, TOKEN)
    assert TOKEN not in f"{caught.value}{caught.value.hint}"
    assert len(place.keys.registered(OTHER)) == 1


def test_only_the_bottles_own_key_is_removed(place: Place) -> None:
    """Among many keys, on several pages: the one with its name and its public half. Another of that name stays."""
    for number in range(5):
        place.forge.answer(
            "POST",
            f"/api/v1/repos/{place.forge.repository}/keys",
            f"token {TOKEN}",
            b'{"title": "somebody %d", "key": "ssh-ed25519 AAAA%d", "read_only": true}' % (number, number),
        )
    place.keys.issue(IDENTITY, "git.test", place.remote, TOKEN)
    place.forge.keys[99] = {"id": 99, "title": f"bottle {IDENTITY}", "key": "ssh-ed25519 AAAAother", "read_only": True}
    (key,) = place.keys.registered(IDENTITY)
    place.keys.withdraw(IDENTITY, key, TOKEN)
    assert sorted(place.forge.keys) == [1, 2, 3, 4, 5, 99]
    place.keys.withdraw(IDENTITY, key, TOKEN)
    assert len(place.forge.keys) == 6


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "the token is not taken"), (403, "write:repository"), (404, "administration"), (302, "")],
)
def test_what_a_forge_refuses_is_said_with_its_remedy(place: Place, status: int, reason: str) -> None:
    """The key stays in the record: whoever cleans up later tries again. No redirection is followed."""
    place.keys.issue(IDENTITY, "git.test", place.remote, TOKEN)
    place.forge.refusing = status
    (key,) = place.keys.registered(IDENTITY)
    before = len(place.forge.seen)
    with pytest.raises(BottleError, match=rf"does not list keys .*\({status}\)") as caught:
        place.keys.withdraw(IDENTITY, key, TOKEN)
    assert reason in (caught.value.hint or "")
    assert (len(place.forge.seen), len(place.keys.registered(IDENTITY))) == (before + 1, 1)


def test_a_forge_of_an_unknown_authority_is_not_asked(place: Place) -> None:
    """The token goes to nobody who cannot prove to be the forge."""
    distrusting = DeployKeyFiles(place.state, str, lambda: None)
    with pytest.raises(ProvisionError, match="cannot be asked for keys: ConnectError"):
        distrusting.issue(IDENTITY, "git.test", place.remote, TOKEN)
    assert place.forge.seen == []


def test_a_damaged_record_is_not_taken_for_none(place: Place) -> None:
    """Keys would be forgotten with it."""
    (place.state / IDENTITY / RECORD).write_text('{"keys": [{}]}')
    with pytest.raises(ConflictError, match="damaged"):
        place.keys.registered(IDENTITY)
