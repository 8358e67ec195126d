"""Tags where they are allowed: what they say and point to is searched like the rest."""

from collections.abc import Callable, Iterator

import pytest

from bottle.domain.manifest import PushRules
from tests.gitgate.conftest import World
from tests.support.git_client import Git, a_token, holds
from tests.support.sshd import Sshd


@pytest.fixture(scope="module")
def tagging(tmp_path_factory: pytest.TempPathFactory, server: Sshd) -> Iterator[World]:
    there = World(tmp_path_factory.mktemp("tagging"), server, rules=PushRules(tags=("v*",)))
    there.start()
    yield there
    there.stop()


def in_its_message(work: Git, token: str) -> None:
    work("tag", "-a", "v1", "-m", f"uses {token}")


def in_its_tagger(work: Git, token: str) -> None:
    work("tag", "-a", "v1", "-m", "x", env={"GIT_COMMITTER_NAME": token})


def in_a_tag_that_it_tags(work: Git, token: str) -> None:
    work("tag", "-a", "inner", "-m", f"uses {token}")
    work("tag", "-a", "v1", "-m", "x", "inner")
    work("tag", "-d", "inner")


def in_a_file_without_a_commit(work: Git, token: str) -> None:
    work("tag", "v1", work("hash-object", "-w", "--stdin", stdin=f"key = {token}\n".encode()))


def in_its_name(work: Git, token: str) -> None:
    work("tag", f"v-{token}")


@pytest.mark.parametrize(
    ("attack", "place"),
    [
        (in_its_message, "tag message or author"),
        (in_its_tagger, "tag message or author"),
        (in_a_tag_that_it_tags, "tag message or author"),
        (in_a_file_without_a_commit, "file"),
        (in_its_name, "ref name"),
    ],
)
def test_a_secret_in_a_tag(tagging: World, attack: Callable[[Git, str], None], place: str) -> None:
    """Each is refused for where it stands, and the upstream never holds it."""
    work, token = tagging.clone(attack.__name__), a_token()
    attack(work, token)
    outcome = work.attempt("push", "origin", "--tags")
    assert outcome.status != 0
    assert f"{place}" in outcome.said
    assert "rule github-pat" in outcome.said
    assert not holds(tagging.upstream, token)
