"""Pushes that would cost the gate its memory, its time or its repository: refused, each for its reason."""

import urllib.error
import urllib.request

import pytest

from tests.gitgate.conftest import World
from tests.gitgate.packs import Entry, blob, copied, delta, inserted, pack, whole
from tests.gitgate.raw import address, post
from tests.support.git_client import Git

ZERO = "0" * 40
MEBIBYTE = 1024**2
CAPABILITIES = "\0report-status side-band-64k\n"


def sent(shared: World, work: Git, branch: str, entries: list[Entry]) -> bytes:
    """What the gate says to a push of a new branch with these objects beside its own."""
    commit = work("rev-parse", "HEAD")
    command = f"{ZERO} {commit} refs/heads/agent/{branch}{CAPABILITIES}"
    return post(shared, command, pack([*whole(work, commit), *entries]))


def test_an_honest_pack_of_this_making_passes(shared: World) -> None:
    """So that the refusals below are for what they say."""
    work = shared.clone("honest")
    work.commit({"honest": "1\n"})
    base = b"x" * 4096
    said = sent(shared, work, "honest", [blob(base), delta(base, 4000, [copied(96, 4000)])])
    assert b"unpack ok" in said
    assert shared.tip("refs/heads/agent/honest") == work("rev-parse", "HEAD")


def test_a_delta_that_becomes_more_than_memory(shared: World) -> None:
    """Sixteen kilobytes that promise sixteen gigabytes: git is given memory for less, and ends."""
    work = shared.clone("swelling")
    base = bytes(16 * MEBIBYTE - 1)
    said = sent(shared, work, "swelling", [blob(base), delta(base, len(base) * 1024, [copied(0, len(base))] * 1024)])
    assert b"unpack ok" not in said
    assert shared.tip("refs/heads/agent/swelling") == ""


def test_an_object_that_is_larger_than_what_is_looked_at(shared: World) -> None:
    """Even where git would take it."""
    work = shared.clone("large")
    base = bytes(16 * MEBIBYTE - 1)
    said = sent(shared, work, "large", [blob(base), delta(base, len(base) * 9, [copied(0, len(base))] * 9)])
    assert b"128 MiB are looked at (rule push.size)" in said
    assert shared.tip("refs/heads/agent/large") == ""


def test_deltas_on_deltas_on_deltas(shared: World) -> None:
    """Every reader of such a chain would walk all of it, for each of its objects: git itself stops at 4095."""
    work = shared.clone("deep")
    tail, entries = b"y" * 60, [blob(b"00000000" + b"y" * 60)]
    last = b"00000000" + tail
    for number in range(1, 4200):
        entries.append(delta(last, 68, [inserted(b"%08d" % number), copied(8, 60)]))
        last = b"%08d" % number + tail
    said = sent(shared, work, "deep", entries)
    assert b"deltas may be 4095 deep (rule push.size)" in said
    assert shared.tip("refs/heads/agent/deep") == ""


@pytest.mark.parametrize(
    ("name", "mode"), [(".git", "100644"), (".GIT", "100644"), ("..", "100644"), (".gitmodules", "120000")]
)
def test_names_that_harm_whoever_checks_them_out(shared: World, name: str, mode: str) -> None:
    """git's own check of what arrives, as forges have it."""
    work = shared.clone(f"names-{name.strip('.')}-{mode}")
    oid = work("hash-object", "-w", "--stdin", stdin=b"[core]\n")
    tree = work("mktree", "--missing", stdin=f"{mode} blob {oid}\t{name}\n".encode())
    commit = work("commit-tree", tree, "-p", "HEAD", "-m", "x")
    work("reset", "--quiet", "--soft", commit)
    said = sent(shared, work, "names", [])
    assert b"unpack ok" not in said
    assert shared.tip("refs/heads/agent/names") == ""


def test_a_submodule_whose_address_is_an_option(shared: World) -> None:
    """CVE-2018-17456: whoever clones it would run a program of the sender's."""
    work = shared.clone("option")
    work.commit({".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = -u./payload\n'})
    outcome = work.attempt("push", "origin", "HEAD:agent/option")
    assert outcome.status != 0
    assert "gitmodulesUrl" in outcome.said


@pytest.mark.parametrize(
    "ref", ["HEAD", "refs/heads/../../hooks/x", "refs/heads/a..b", "refs/heads/HEAD", "refs/heads/-x", "refs/x.lock",
            "refs/heads/a\tb", "refs/remotes/origin/x", "refs/replace/" + "1" * 40, "refs/heads/" + "1" * 40]
)  # fmt: skip
def test_odd_refs(shared: World, ref: str) -> None:
    """Names that leave their place, that mean something to git, or that two programs read differently."""
    work = shared.clone("odd-refs") if not (shared.folder / "odd-refs").exists() else Git.at(shared.folder / "odd-refs")
    before = Git.at(shared.upstream)("for-each-ref")
    commit = work("rev-parse", "HEAD")
    said = post(shared, f"{ZERO} {commit} {ref}{CAPABILITIES}", pack([]))
    assert b"ok refs/" not in said
    assert Git.at(shared.upstream)("for-each-ref") == before


def test_history_that_is_cut_off(shared: World) -> None:
    """What a sender declares shallow would be a branch whose past nobody has looked at."""
    work = shared.clone("cut")
    work.commit({"one": "1\n"})
    parent, commit = work("rev-parse", "HEAD"), work.commit({"two": "2\n"})
    shallow = f"shallow {commit}\n"
    lines = f"{len(shallow) + 4:04x}{shallow}"
    command = f"{ZERO} {commit} refs/heads/agent/cut{CAPABILITIES}"
    entries = [entry for entry in whole(work, commit) if entry.content != work.raw("cat-file", "commit", parent)]
    said = post(shared, command, pack(entries), before=lines)
    assert b"ng refs/heads/agent/cut" in said or b"unpack ok" not in said
    assert shared.tip("refs/heads/agent/cut") == ""


@pytest.mark.parametrize(
    "tail", ["/HEAD", "/config", "/objects/info/packs", "/objects/info/alternates", "/../0.git/config"]
)
def test_only_the_smart_protocol(shared: World, tail: str) -> None:
    """No file of the gate's repositories is served as such."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address(shared) + tail)
    with caught.value as answer:
        assert answer.code == 404
