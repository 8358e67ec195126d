"""What a developer does all day, through the gate: it must feel like the upstream itself."""

import json
import threading
import urllib.error
import urllib.request

import pytest
from attrs import evolve

from bottle.domain.gitgate_config import GateRemote
from bottle.domain.manifest import PushRules
from tests.gitgate.conftest import HOST, World
from tests.support.git_client import Git, bare_repository


def test_a_clone_is_the_upstreams_whole_content_and_its_branch(gate: World) -> None:
    """A clone through the gate has the files, the history and the branch that the upstream shows first."""
    upstream = Git.at(gate.upstream)
    upstream("branch", "trunk", "main")
    upstream("symbolic-ref", "HEAD", "refs/heads/trunk")
    work = gate.clone()
    assert (work.folder / "README").read_text() == "hello\n"
    assert work("symbolic-ref", "--short", "HEAD") == "trunk"
    assert work("rev-parse", "HEAD") == gate.tip()


SPELLINGS = (
    "ssh://{user}@{host}:{port}{path}",
    "ssh://{user}@{host}:{port}{path}/",
    "ssh://{host}:{port}{bare}",
    "git@git.test:{relative}",
    "git@git.test:{path}",
    "https://git.test{path}",
    "https://git.test{bare}",
    "git://git.test{path}",
)
SERVED = SPELLINGS[1:3]


def test_every_spelling_of_the_upstreams_address_leads_to_the_gate(shared: World) -> None:
    """Projects name their remotes in many ways; none of them may end at a closed door."""
    path, git = str(shared.upstream), shared.git("work-6")
    words = {
        "user": shared.remote.upstream.partition("://")[2].partition("@")[0],
        "host": shared.server.address,
        "port": shared.server.port,
        "path": path,
        "bare": path.removesuffix(".git"),
        "relative": path.lstrip("/"),
    }
    for spelling in SPELLINGS:
        url = spelling.format(**words)
        assert git("ls-remote", "--get-url", url).startswith(f"http://127.0.0.1:{shared.port}/{HOST}/"), url
        if spelling in SERVED:
            assert shared.tip() in git("ls-remote", url, "refs/heads/main"), url


def test_a_push_is_with_the_upstream_when_git_says_so(shared: World) -> None:
    """What was acknowledged is there: the commit, and on the branch that was named."""
    work = shared.clone("work-1")
    commit = work.commit({"src/new.py": "print('hello')\n"})
    assert "main -> main" in work("push", "origin", "main")
    assert shared.tip() == commit
    assert [line["kind"] for line in shared.audit if line["method"] == "push"][-2:] == ["opened", "git"]


def test_a_fetch_brings_what_others_pushed_meanwhile(shared: World) -> None:
    """The mirror is not a copy of yesterday."""
    work = shared.clone("work-2")
    other = Git.at(shared.folder / "other")
    other("clone", "--quiet", str(shared.upstream), ".")
    commit = other.commit({"theirs": "x\n"})
    other("push", "--quiet", "origin", "main")
    work("pull", "--quiet", "--ff-only")
    assert work("rev-parse", "HEAD") == commit


def test_a_branch_that_is_gone_upstream_is_gone_here(shared: World) -> None:
    """`fetch --prune` shows what the upstream has dropped."""
    upstream = Git.at(shared.upstream)
    upstream("branch", "old", "main")
    work = shared.clone("work-3")
    assert "origin/old" in work("branch", "--remotes")
    upstream("branch", "-D", "old")
    work("fetch", "--quiet", "--prune")
    assert "origin/old" not in work("branch", "--remotes")


def test_shallow_and_partial_clones(shared: World) -> None:
    """Both are served, and a partial clone fetches the rest when it is wanted."""
    upstream = Git.at(shared.folder / "author")
    upstream("clone", "--quiet", str(shared.upstream), ".")
    upstream.commit({"big": "x" * 100_000}, "second")
    upstream("push", "--quiet", "origin", "main")
    shallow, partial = shared.git("shallow"), shared.git("partial")
    shallow("clone", "--quiet", "--depth", "1", shared.remote.upstream, ".")
    assert shallow("rev-list", "--count", "HEAD") == "1"
    partial("clone", "--quiet", "--no-checkout", "--filter=blob:none", shared.remote.upstream, ".")
    assert len(partial("show", "HEAD:big")) == 100_000


def test_pushing_from_a_shallow_clone_works(shared: World) -> None:
    """What the upstream has already need not be in the clone."""
    work = shared.git("work-7")
    work("clone", "--quiet", "--depth", "1", shared.remote.upstream, ".")
    commit = work.commit({"a": "b\n"})
    work("push", "--quiet", "origin", "HEAD:agent/shallow")
    assert shared.tip("refs/heads/agent/shallow") == commit


def test_a_submodule_of_a_declared_remote(world: World) -> None:
    """Relative and absolute addresses of submodules lead through the gate like any other."""
    inner = bare_repository(world.folder / "team" / "inner.git", {"inner.txt": "inner\n"})
    remote = evolve(world.remote, upstream=world.server.url(inner))
    world.extra = (GateRemote("inner.test", remote, world.server.key.read_text()),)
    world.start()
    work = world.clone()
    work("submodule", "--quiet", "add", "../inner.git", "inner")
    work.commit({}, "with a submodule")
    work("push", "--quiet", "origin", "main")
    again = world.git("again")
    again("clone", "--quiet", "--recurse-submodules", world.remote.upstream, ".")
    assert (again.folder / "inner" / "inner.txt").read_text() == "inner\n"


def test_an_empty_upstream_takes_its_first_push(world: World) -> None:
    """A new project begins with nothing."""
    Git.at(world.upstream)("update-ref", "-d", "refs/heads/main")
    world.start()
    work = world.git()
    work("init", "--quiet")
    commit = work.commit({"a": "1\n"})
    work("push", "--quiet", world.remote.upstream, "HEAD:main")
    assert world.tip() == commit


def test_a_refused_branch_says_which_ones_are_allowed(shared: World) -> None:
    """The sender can help itself: the rule, and what it allows, in git's own lines."""
    work = shared.clone("work-4")
    work.commit({"a": "1\n"})
    outcome = work.attempt("push", "origin", "HEAD:release")
    assert outcome.status != 0
    assert "remote: git gate: push refused: allowed branches: main agent/** (rule push.branches)" in outcome.said
    assert "pre-receive hook declined" in outcome.said
    assert shared.tip("refs/heads/release") == ""


def test_an_undeclared_repository_of_the_same_host_is_refused_by_name(shared: World) -> None:
    """Nothing else would answer an SSH address in a box; the gate says what it serves."""
    outcome = shared.git("work-8").attempt("ls-remote", "git@git.test:team/other.git")
    assert outcome.status != 0
    assert "not found" in outcome.said


def test_an_upstream_that_cannot_be_reached_fails_the_fetch_and_says_so(world: World) -> None:
    """Nothing is served from memory: the agent would work on what is not so any more."""
    world.start()
    work = world.clone()
    world.start(upstream=world.remote.upstream.replace(f":{world.server.port}", ":1"))
    outcome = world.git().attempt("ls-remote", world.remote.upstream)
    assert outcome.status != 0
    assert f"remote error: git gate: the upstream {HOST} cannot be reached" in outcome.said
    assert "Connection refused" in outcome.said
    assert work("rev-parse", "origin/main")


def test_a_host_key_that_is_another_is_refused(world: World) -> None:
    """Whoever sits between may have the address, never the pinned key."""
    world.start(known_host_key=(world.server.folder / "client_key.pub").read_text().rsplit(" ", 1)[0])
    outcome = world.git().attempt("ls-remote", world.remote.upstream)
    assert outcome.status != 0
    assert "Host key verification failed" in outcome.said


def test_concurrent_fetches_share_one_visit_upstream(shared: World) -> None:
    """Twelve fetches at once are served; the upstream sees fewer visits than that."""
    shared.clone("work-5")
    before = shared.server.log.count("Accepted publickey")
    outcomes: list[int] = []

    def fetch(number: int) -> None:
        outcomes.append(shared.git(f"many-{number}").attempt("ls-remote", shared.remote.upstream).status)

    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [0] * 12
    assert shared.server.log.count("Accepted publickey") - before < 12


def test_large_files_storage_is_refused_with_a_reason(shared: World) -> None:
    """git-lfs shows the `message` of such an answer (its API, `errors`)."""
    url = f"http://127.0.0.1:{shared.port}/{HOST}{shared.upstream!s}/info/lfs/objects/batch"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, b"{}", method="POST"))
    with caught.value as answer:
        assert answer.code == 403
        assert "Git LFS is not served" in json.load(answer)["message"]


@pytest.mark.parametrize("force", [False, True])
def test_rewriting_needs_the_manifests_word(world: World, force: bool) -> None:
    """A force push passes where the manifest allows it, and nowhere else."""
    world.start(push=PushRules(force=force))
    work = world.clone()
    work.commit({"a": "1\n"})
    work("push", "--quiet", "origin", "main")
    work("commit", "--quiet", "--amend", "-m", "other")
    outcome = work.attempt("push", "--force", "origin", "main")
    assert (outcome.status == 0) is force
    assert (world.tip() == work("rev-parse", "HEAD")) is force
    assert force or "rule push.force" in outcome.said


@pytest.mark.parametrize("delete", [False, True])
def test_deleting_needs_the_manifests_word(world: World, delete: bool) -> None:
    """A branch goes where the manifest allows it, and nowhere else."""
    Git.at(world.upstream)("branch", "old", "main")
    world.start(push=PushRules(delete=delete))
    outcome = world.clone().attempt("push", "origin", ":old")
    assert (outcome.status == 0) is delete
    assert (world.tip("refs/heads/old") == "") is delete
    assert delete or "rule push.delete" in outcome.said


def test_listed_tags_pass_and_others_do_not(world: World) -> None:
    """A tag can start a release: only what is listed may be pushed."""
    world.start(push=PushRules(tags=("v*",)))
    work = world.clone()
    work("tag", "-a", "v1", "-m", "one")
    work("tag", "nightly")
    work("push", "--quiet", "origin", "v1")
    assert "rule push.tags" in work.attempt("push", "origin", "nightly").said
    assert Git.at(world.upstream)("tag") == "v1"
