"""What a pack holds besides the sender's own: what its deltas stand on, and names of commits that nobody has."""

from tests.gitgate.conftest import WITHHELD, World
from tests.support.git_client import Git, a_token, holds


def _before_the_gate(world: World, content: str) -> None:
    person = Git.at(world.folder / "person")
    person("clone", "--quiet", str(world.upstream), ".")
    person.commit({"conf.ini": content})
    person("push", "--quiet", "origin", "HEAD:main")


def test_what_the_upstream_has_already_refuses_nothing_that_stands_on_it(world: World) -> None:
    """git sends a file as its difference to the one before; that one is the upstream's, and so is what it holds."""
    around, old, new = "line\n" * 200, a_token(), a_token()
    _before_the_gate(world, f"{around}key = {old}\n{around}")
    world.start()
    work = world.clone()
    work.commit({"conf.ini": f"{around}key = gone\n{around}"})
    work("push", "--quiet", "origin", "HEAD:agent/taken-out")
    assert world.tip("refs/heads/agent/taken-out") == work("rev-parse", "HEAD")
    work.commit({"conf.ini": f"{around}key = {new}\n{around}"})
    assert work.attempt("push", "origin", "HEAD:agent/another").status != 0
    work("reset", "--quiet", "--hard", "HEAD~1")
    work.commit({"old.ini": f"{around}key = {old}\n{around}more\n"})
    assert work.attempt("push", "origin", "HEAD:agent/moved").status != 0
    assert not holds(world.upstream, new)


def test_a_submodules_commit_is_any_bytes(shared: World) -> None:
    """In a tree it stands as it is, and nobody asks for the commit."""
    work = shared.clone("links")
    for number, secret in enumerate((a_token(), WITHHELD)):
        raw = secret.encode().ljust(40, b".")
        links = f"160000 commit {raw[:20].hex()}\ta\n160000 commit {raw[20:].hex()}\tb\n"
        tree = work("mktree", "--missing", stdin=links.encode())
        commit = work("commit-tree", tree, "-p", "HEAD", "-m", "x")
        outcome = work.attempt("push", "origin", f"{commit}:refs/heads/agent/links-{number}")
        assert outcome.status != 0
        assert "submodule commit: rule" in outcome.said
        odd = b"".join(b"140001 %c\0%b" % (name, raw[at : at + 20]) for name, at in ((97, 0), (98, 20)))
        tree = work("hash-object", "-t", "tree", "--literally", "-w", "--stdin", stdin=odd)
        commit = work("commit-tree", tree, "-p", "HEAD", "-m", "x")
        assert work.attempt("push", "origin", f"{commit}:refs/heads/agent/odd-{number}").status != 0
    honest = work("mktree", "--missing", stdin=f"160000 commit {work('rev-parse', 'HEAD')}\tlib\n".encode())
    commit = work("commit-tree", honest, "-p", "HEAD", "-m", "x")
    work("push", "--quiet", "origin", f"{commit}:refs/heads/agent/honest-link")
    assert shared.tip("refs/heads/agent/honest-link") == commit
