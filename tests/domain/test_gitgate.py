"""The gate's rules as values: where an upstream is, how it is spelled, and which refs may change."""

import ipaddress

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bottle.domain.git_refusals import Finding, refused_refs, refused_secrets
from bottle.domain.gitgate import (
    Change,
    RefUpdate,
    Upstream,
    Verdict,
    decide_address,
    decide_change,
    glob_matches,
    is_plain_ref,
    rewrites,
    served_path,
)
from bottle.domain.gitgate_config import GateRemote, GateStart, gate_document, parse_gate
from bottle.domain.listen import Listen
from bottle.domain.manifest import PushRules, Remote
from bottle.domain.strict_json import ConfigError

OLD, NEW, NONE = "a" * 40, "b" * 40, "0" * 40
ANYTHING = PushRules(force=True, delete=True, tags=("**",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ssh://git@git.test:30009/a/b.git", Upstream("ssh", "git.test", 30009, "git", "/a/b.git")),
        ("ssh://git.test/~sam/b", Upstream("ssh", "git.test", 22, "", "~sam/b")),
        ("git@git.test:a/b.git", Upstream("ssh", "git.test", 22, "git", "a/b.git")),
        ("git.test:/srv/b", Upstream("ssh", "git.test", 22, "", "/srv/b")),
        ("https://git.test/a/b.git", Upstream("https", "git.test", 443, "", "/a/b.git")),
        ("ssh://git@[2001:db8::1]:22/a", Upstream("ssh", "2001:db8::1", 22, "git", "/a")),
        ("local", Upstream("local")),
    ],
)
def test_an_upstream_is_read_as_git_and_ssh_would_read_it(text: str, expected: Upstream) -> None:
    """A URL's path is absolute, that of the short form is relative to the login: the other side tells them apart."""
    assert Upstream.parse(text) == expected


@pytest.mark.parametrize("text", ["file:///x", "ext::sh -c id", "http://git.test/x", "ssh://git.test:0/x", "x", ""])
def test_what_is_neither_ssh_nor_https_is_no_upstream(text: str) -> None:
    """Transports that run programs or read files of the host's are never taken."""
    with pytest.raises(ValueError, match=r"upstream|port"):
        Upstream.parse(text)


def test_the_longest_spelling_of_two_remotes_wins_for_git() -> None:
    """Two repositories of one host have spellings of their own; what neither covers goes to the gate to refuse."""
    one, two = Remote("git@git.test:a/one.git"), Remote("git@git.test:a/two.git")
    spellings = {old: base for key, remote in (("x.test", one), ("y.test", two)) for base, old in rewrites(key, remote)}
    assert spellings["git@git.test:a/one"].endswith(served_path("x.test", one))
    assert spellings["git@git.test:a/two"].endswith(served_path("y.test", two))
    assert spellings["git@git.test:"].rstrip("/").endswith((":9418/x.test", ":9418/y.test"))
    assert "https://git.test/" not in spellings, "what the way out may serve stays with it"


@pytest.mark.parametrize(
    ("update", "rules", "rewriting", "kind", "rule"),
    [
        ((OLD, NEW, "refs/heads/main"), PushRules(), False, "commit", "allowed"),
        ((NONE, NEW, "refs/heads/agent/x"), PushRules(branches=("agent/*",)), False, "commit", "allowed"),
        ((NONE, NEW, "refs/heads/agent/x/y"), PushRules(branches=("agent/*",)), False, "commit", "push.branches"),
        ((NONE, NEW, "refs/heads/agent/x/y"), PushRules(branches=("agent/**",)), False, "commit", "allowed"),
        ((OLD, NEW, "refs/heads/main"), PushRules(branches=("agent/*",)), False, "commit", "push.branches"),
        ((OLD, NEW, "refs/heads/main"), PushRules(), True, "commit", "push.force"),
        ((OLD, NEW, "refs/heads/main"), PushRules(force=True), True, "commit", "allowed"),
        ((OLD, NONE, "refs/heads/main"), PushRules(), False, "", "push.delete"),
        ((OLD, NONE, "refs/heads/main"), PushRules(delete=True), False, "", "allowed"),
        ((NONE, NEW, "refs/tags/v1"), PushRules(), False, "tag", "push.tags"),
        ((NONE, NEW, "refs/tags/v1"), PushRules(tags=("v*",)), False, "tag", "allowed"),
        ((OLD, NEW, "refs/tags/v1"), PushRules(tags=("v*",)), True, "tag", "push.force"),
        ((NONE, NEW, "refs/heads/x"), ANYTHING, False, "blob", "ref.object"),
        ((NONE, NEW, "refs/notes/commits"), ANYTHING, False, "commit", "ref.kind"),
        ((NONE, NEW, "refs/replace/x"), ANYTHING, False, "commit", "ref.kind"),
        ((NONE, NEW, "HEAD"), ANYTHING, False, "commit", "ref.name"),
        ((NONE, NEW, "refs/heads/HEAD"), ANYTHING, False, "commit", "ref.name"),
        ((NONE, NEW, "refs/heads/-x"), ANYTHING, False, "commit", "ref.name"),
        ((NONE, NEW, f"refs/heads/{NEW}"), ANYTHING, False, "commit", "ref.name"),
        ((NONE, NEW, "refs/heads/a..b"), ANYTHING, False, "commit", "ref.name"),
        ((NONE, NEW, "refs/heads/a\u202eb"), ANYTHING, False, "commit", "ref.name"),
    ],
)
def test_which_refs_may_change(
    update: tuple[str, str, str], rules: PushRules, rewriting: bool, kind: str, rule: str
) -> None:
    """Each refusal by its own rule, which the agent reads."""
    verdict = decide_change(rules, Change(RefUpdate(*update), rewriting, kind))
    assert verdict.rule == rule
    assert verdict.allowed is (rule == "allowed")


def test_the_empty_verdict_refuses() -> None:
    """What nobody decided is not allowed."""
    assert not Verdict().allowed


@given(st.text(max_size=60))
def test_no_ref_is_plain_that_git_could_read_otherwise(text: str) -> None:
    """Whatever is plain has no character or sequence with a meaning of its own (git-check-ref-format(1))."""
    if is_plain_ref(f"refs/heads/{text}"):
        assert text
        assert not set(text) & set(" ~^:?*[\\\x7f")
        assert ".." not in text
        assert not text.startswith(("-", "/", "."))


def test_a_glob_star_stays_within_a_level() -> None:
    """As everywhere in git hosting: `**` alone goes deeper; other characters mean themselves."""
    assert glob_matches("a/*", "a/b")
    assert not glob_matches("a/*", "a/b/c")
    assert glob_matches("a/**", "a/b/c")
    assert not glob_matches("v1.0", "v1x0")
    assert not glob_matches("a?c", "a/c")


@pytest.mark.parametrize(
    ("upstream", "ranges", "address", "allowed"),
    [
        ("git@git.test:x", (), "93.184.216.34", True),
        ("git@git.test:x", (), "10.0.0.7", False),
        ("git@git.test:x", ("10.0.0.0/8",), "10.0.0.7", True),
        ("git@git.test:x", (), "169.254.169.254", False),
        ("git@10.0.0.7:x", (), "10.0.0.7", True),
        ("git@10.0.0.7:x", (), "10.0.0.8", False),
    ],
)
def test_a_name_leads_to_no_private_address_unlooked(
    upstream: str, ranges: tuple[str, ...], address: str, allowed: bool
) -> None:
    """Who writes an address means it; whoever holds a name could let it lead anywhere."""
    remote = Remote(upstream, private_ips=tuple(ipaddress.ip_network(one) for one in ranges))
    assert decide_address(remote, ipaddress.ip_address(address)).allowed is allowed


def test_the_lines_of_a_refusal_name_the_place() -> None:
    """Commit, path, line, rule and fingerprint; of a ref that is odd not even its name."""
    found = Finding("github-pat", NEW, "file", 3, "src/a.py", OLD, "0123456789abcdef")
    refusal = refused_secrets([found])
    assert refusal.rule == "secret.github-pat"
    assert refusal.lines[0] == "commit aaaaaaaaaaaa: file src/a.py:3: rule github-pat, fingerprint 0123456789abcdef"
    odd = RefUpdate(NONE, NEW, "refs/heads/x\x1b[2J")
    assert refused_refs([(odd, Verdict(rule="ref.name", reason="odd"))]).lines == ("a ref: odd (rule ref.name)",)


def test_many_findings_are_counted_not_listed() -> None:
    """A refusal stays short whatever was pushed."""
    refusal = refused_secrets([Finding("r", NEW, "file", line) for line in range(100)])
    assert "100 secrets" in refusal.reason
    assert len(refusal.lines) < 30


START = GateStart(
    identity="probe-00000",
    listen=Listen("127.0.0.1", 9418),
    state="/gate",
    audit="/audit",
    gitleaks="/gitleaks",
    remotes=(
        GateRemote(
            "git.test",
            Remote(
                "git@git.test:x",
                known_host_key="ssh-ed25519 AAAA",
                push=PushRules(("main",), ("v*",), True, True, ("0123456789abcdef",)),
                private_ips=(ipaddress.ip_network("10.0.0.0/8"),),
            ),
            "made-up-key",
        ),
    ),
    withheld=("made-up-value",),
    roots="made-up-roots",
    tied=True,
)


def test_a_start_is_read_back_as_it_was_written() -> None:
    """What the launcher means is what the gate does."""
    assert parse_gate(gate_document(START)) == START


def test_no_key_is_shown() -> None:
    """Neither the key nor the values that are looked for are in any repr."""
    assert "made-up" not in repr(START)


@pytest.mark.parametrize("change", [{"more": 1}, {"tied": "yes"}, {"remotes": [{"host": "x"}]}, {"gitleaks": ""}])
def test_a_document_that_is_not_understood_is_refused(change: dict[str, object]) -> None:
    """All of it or nothing; no message quotes a value."""
    with pytest.raises(ConfigError) as caught:
        parse_gate({**gate_document(START), **change})
    assert "made-up" not in str(caught.value)
    assert evolve(START) == START
