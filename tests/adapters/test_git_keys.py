"""Keys of git remotes: what cannot work is said before anything starts."""

import subprocess
from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.git_keys import KeyFiles
from bottle.domain.errors import ManifestError, SecretMissingError
from bottle.domain.manifest import Remote
from tests.support.requirements import require
from tests.support.sshd import make_key

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx0PpB1b1mWkz2gZkqv7m2Tn9b8u0m5Cq0XbQvYd5aB"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    require("ssh-keygen")
    make_key(tmp_path / "key")
    return tmp_path / "key"


def remote(key: Path) -> Remote:
    return Remote("git@git.test:x", str(key), HOST_KEY)


def test_a_key_comes_as_it_is(key: Path) -> None:
    """The armour and all in it: ssh is as particular as that."""
    assert KeyFiles().key("git.test", remote(key)) == key.read_text()
    assert KeyFiles().fault("git.test", remote(key)) is None


def test_a_key_with_a_passphrase_is_named_as_such(tmp_path: Path) -> None:
    """Nobody is there to type it. The newer and the older armour."""
    require("ssh-keygen")
    make_key(tmp_path / "new", "made-up words")
    make_key(tmp_path / "old", kind="rsa")
    command = ["ssh-keygen", "-q", "-p", "-m", "PEM", "-P", "", "-N", "made-up words", "-f", str(tmp_path / "old")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for name in ("new", "old"):
        with pytest.raises(SecretMissingError, match="has a passphrase"):
            KeyFiles().key("git.test", remote(tmp_path / name))


def test_a_key_that_is_not_there_or_none(tmp_path: Path, key: Path) -> None:
    """Each with its own word and remedy."""
    (tmp_path / "text").touch(0o600)
    faults = {
        "missing": "there is no key",
        "text": "is no private key",
        "key.pub": "others may read",
        "": "cannot be read: is a directory",
    }
    for name, reason in faults.items():
        with pytest.raises(SecretMissingError, match=reason) as caught:
            KeyFiles().key("git.test", remote(tmp_path / name))
        assert caught.value.hint


def test_a_key_that_others_may_read_is_refused(key: Path) -> None:
    """ssh refuses it too, but much later and in other words."""
    key.chmod(0o640)
    with pytest.raises(SecretMissingError, match="others may read") as caught:
        KeyFiles().key("git.test", remote(key))
    assert caught.value.hint == f"chmod 600 {key}"


def test_a_remote_over_ssh_that_says_too_little(key: Path) -> None:
    """Without a pinned host key anybody on the way could be the upstream."""
    for poor in (evolve(remote(key), identity_file=None), evolve(remote(key), known_host_key=None)):
        with pytest.raises(ManifestError, match="needs a"):
            KeyFiles().key("git.test", poor)


def test_other_upstreams_need_no_key() -> None:
    """HTTPS has a token, `local` has nothing."""
    assert KeyFiles().key("git.test", Remote("https://git.test/x", token_ref="TOKEN")) == ""
    assert KeyFiles().key("results", Remote("local")) == ""
