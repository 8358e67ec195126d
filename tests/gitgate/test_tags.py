"""Tags where they are allowed: what they say and point to is searched like the rest."""

from bottle.domain.manifest import PushRules
from tests.gitgate.conftest import World
from tests.support.git_client import Git, a_token, holds


def tagged(work: Git, tokens: dict[str, str]) -> None:
    """One secret in each place that a tag has: its message, its author, a tag that it tags, a file that no commit has,
    its name."""
    work("tag", "-a", "v1", "-m", f"uses {tokens['message']}")
    work("tag", "-a", "v2", "-m", "x", env={"GIT_COMMITTER_NAME": tokens["author"]})
    work("tag", "-a", "inner", "-m", f"uses {tokens['inner']}")
    work("tag", "-a", "v3", "-m", "x", "inner")
    work("tag", "-d", "inner")
    work("tag", "v4", work("hash-object", "-w", "--stdin", stdin=f"key = {tokens['file']}\n".encode()))
    work("tag", f"v-{tokens['name']}")


def test_secrets_in_tags(world: World) -> None:
    """Each is found where it stands, none is shown, and the upstream never holds one."""
    world.start(push=PushRules(tags=("v*",)))
    work = world.clone()
    tokens = {place: a_token() for place in ("message", "author", "inner", "file", "name")}
    tagged(work, tokens)
    outcome = work.attempt("push", "origin", "--tags")
    assert outcome.status != 0
    assert outcome.said.count("remote:   tag message or author: rule github-pat") == 3
    assert outcome.said.count("remote:   file: rule github-pat") == 1
    assert outcome.said.count("remote:   ref name: rule github-pat") == 1
    shown = "".join(line for line in outcome.said.splitlines() if line.startswith("remote:"))
    assert not any(token in shown for token in tokens.values())
    assert not any(holds(world.upstream, token) for token in tokens.values())
