"""Secrets on every way that a push has: each is refused for what it is, and the upstream never holds it."""

import base64
import bz2
import gzip
import io
import lzma
import tarfile
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count

import pytest

from tests.gitgate.conftest import WITHHELD, World
from tests.gitgate.raw import address, post, raw_push
from tests.support.git_client import Git, a_token, holds

_numbers = count()
_TOGETHER = 11
Attack = Callable[[Git, str], None]


@pytest.fixture(scope="module")
def tokens(shared: World) -> Iterator[list[str]]:
    """Every secret that was tried; afterwards the upstream holds none of them, in no object and no ref."""
    tried: list[str] = []
    yield tried
    assert tried
    assert [token for token in tried if holds(shared.upstream, token)] == []


def prepared(shared: World, tokens: list[str], attacks: Mapping[str, Attack]) -> tuple[Git, dict[str, str]]:
    """A clone with each attack on a branch of its own, and the branches by the attacks' names."""
    work, branches = shared.clone(f"work-{next(_numbers)}"), dict[str, str]()
    for name, attack in attacks.items():
        token = a_token()
        tokens.append(token)
        branches[name] = f"agent/{next(_numbers)}"
        work("switch", "--quiet", "-c", branches[name], "origin/main")
        attack(work, token)
    return work, branches


def refused(work: Git, tokens: list[str], branches: Iterable[str]) -> str:
    """Pushes all of it at once; what git said of the refusal, which shows none of the secrets."""
    outcome = work.attempt("push", "origin", *branches)
    assert outcome.status != 0, "it was taken"
    gate = "\n".join(line for line in outcome.said.splitlines() if line.startswith("remote:"))
    assert [token for token in tokens if token in gate] == []
    return outcome.said


def alone(shared: World, tokens: list[str], attack: Attack) -> str:
    work, branches = prepared(shared, tokens, {"it": attack})
    return refused(work, tokens, branches.values())


def in_file(content: Callable[[str], str | bytes], name: str = "data") -> Attack:
    def attack(work: Git, token: str) -> None:
        work.commit({name: content(token)})

    return attack


def added_then_deleted(work: Git, token: str) -> None:
    work.commit({"conf.ini": f"key = {token}\n"})
    (work.folder / "conf.ini").unlink()
    work.commit({}, "gone")


def in_a_merge(work: Git, token: str) -> None:
    """The merge's own change: neither parent has it."""
    branch = work("branch", "--show-current")
    work("switch", "--quiet", "-c", "side")
    work.commit({"side": "1\n"})
    work("switch", "--quiet", branch)
    work.commit({"main": "1\n"})
    work("merge", "--quiet", "--no-commit", "--no-ff", "side")
    work.commit({"evil": f"key = {token}\n"}, "merge")


def on_a_side_branch(work: Git, token: str) -> None:
    branch = work("branch", "--show-current")
    work("switch", "--quiet", "-c", "other")
    added_then_deleted(work, token)
    work("switch", "--quiet", branch)
    work("merge", "--quiet", "--no-ff", "-s", "ours", "-m", "merged", "other")


def marked_as_binary(work: Git, token: str) -> None:
    work.commit({".gitattributes": "* -diff binary\n", "conf.ini": f"key = {token}\n"})


def with_an_ignore_file(work: Git, token: str) -> None:
    work.commit({".gitleaks.toml": "[allowlist]\npaths = ['''.*''']\n", "conf.ini": f"key = {token}\n"})
    work.commit({".gitleaksignore": f"{work('rev-parse', 'HEAD')}:conf.ini:github-pat:1\nconf.ini:github-pat:1\n"})


def in_the_authors_name(work: Git, token: str) -> None:
    work("commit", "--quiet", "--allow-empty", "-m", "x", "--author", f"{token} <a@b>")


def in_the_committers_address(work: Git, token: str) -> None:
    work("commit", "--quiet", "--allow-empty", "-m", "x", env={"GIT_COMMITTER_EMAIL": f"{token}@b"})


def in_a_header_of_the_commit(work: Git, token: str) -> None:
    raw = work("cat-file", "commit", "HEAD").replace("\n\n", f"\nx-note {token}\n\n", 1) + "\n"
    work("reset", "--quiet", "--hard", work("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw.encode()))
    work.commit({"on": "top\n"})


def in_the_message(work: Git, token: str) -> None:
    work.commit({}, f"uses {token}")


def as_a_link(work: Git, token: str) -> None:
    (work.folder / "link").symlink_to(f"/nowhere/{token}")
    work.commit({})


def as_a_file_name(work: Git, token: str) -> None:
    work.commit({token: "x\n"})


def as_a_directory_name(work: Git, token: str) -> None:
    work.commit({f"a/{token}/b": "x\n"})


def in_a_bundle(work: Git, token: str) -> None:
    other = Git.at(work.folder.parent / f"{work.folder.name}-inner")
    other("init", "--quiet")
    other.commit({"conf.ini": f"key = {token}\n"})
    other("bundle", "create", "b.bundle", "HEAD")
    work.commit({"b.bundle": (other.folder / "b.bundle").read_bytes()})


def archive(kind: str) -> Callable[[str], bytes]:
    def made(token: str) -> bytes:
        inner, packed = f"key = {token}\n".encode(), io.BytesIO()
        if kind == "zip":
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
                file.writestr("conf.ini", inner)
            return packed.getvalue()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            info = tarfile.TarInfo("conf.ini")
            info.size = len(inner)
            tar.addfile(info, io.BytesIO(inner))
        return packed.getvalue()

    return made


def encoded(times: int) -> Callable[[str], bytes]:
    def made(token: str) -> bytes:
        value = f"the key is key = {token} and no more".encode()
        for _ in range(times):
            value = base64.b64encode(value)
        return value + b"\n"

    return made


BLOBS: dict[str, Attack] = {
    "a new file": in_file("key = {}\n".format, "conf.ini"),
    "added, then deleted": added_then_deleted,
    "a merge's own change": in_a_merge,
    "a side branch": on_a_side_branch,
    "an attribute": marked_as_binary,
    "an ignore file": with_an_ignore_file,
    "an allow comment": in_file("key = {}  # gitleaks:allow\n".format),
    "a stop word beside it": in_file("example_test_dummy = {}  # example EXAMPLE test\n".format),
    "NUL bytes": in_file("\0\0key = {}\0".format),
    "UTF-16": in_file(lambda token: f"key = {token}\n".encode("utf-16")),
    "a PDF's beginning": in_file("%PDF-1.7\nkey = {}\n".format, "paper.pdf"),
    "a program's beginning": in_file("\x7fELF\x02\x01\x01 key = {}\n".format, "program"),
    "a picture's name": in_file("key = {}\n".format, "logo.png"),
    "a lock file's name": in_file("key = {}\n".format, "package-lock.json"),
    "a vendor folder": in_file("key = {}\n".format, "node_modules/x/index.js"),
    "far behind": in_file(lambda token: "x" * 3_000_000 + f" key = {token}\n"),
    "across a piece's edge": in_file(lambda token: "y" * (80 * 1024 - 20) + f" {token} \n"),
    "a submodule's address": in_file(
        '[submodule "x"]\n\tpath = x\n\turl = https://sam:{}@git.test/x.git\n'.format, ".gitmodules"
    ),
    "base64": in_file(encoded(1)),
    "base64, twice": in_file(encoded(2)),
    "base64, six times": in_file(encoded(6)),
    "hexadecimal": in_file(lambda token: f"key = {token} and more".encode().hex()),
    "percent": in_file(lambda token: "".join(f"%{ord(letter):02x}" for letter in f"key = {token} ")),
    "zip": in_file(archive("zip"), "lib.jar"),
    "tar.gz": in_file(archive("tar"), "picture.png"),
    "gzip in gzip": in_file(lambda token: gzip.compress(gzip.compress(f"key = {token}\n".encode()))),
    "bzip2": in_file(lambda token: bz2.compress(f"key = {token}\n".encode())),
    "xz": in_file(lambda token: lzma.compress(f"key = {token}\n".encode())),
    "zlib": in_file(lambda token: zlib.compress(f"key = {token}\n".encode())),
    "a zip behind a program": in_file(lambda token: b"\x7fELF" + bytes(5000) + archive("zip")(token)),
    "a bundle": in_a_bundle,
    "a link's target": as_a_link,
}

MESSAGES: dict[str, Attack] = {
    "author": in_the_authors_name,
    "committer": in_the_committers_address,
    "message": in_the_message,
    "header": in_a_header_of_the_commit,
}
NAMES: dict[str, Attack] = {"file": as_a_file_name, "directory": as_a_directory_name}
FORMS: dict[str, Attack] = {
    "itself": in_file(lambda _: WITHHELD),
    "base64": in_file(lambda _: base64.b64encode(b"ab" + WITHHELD.encode())),
    "hexadecimal": in_file(lambda _: WITHHELD.encode().hex()),
    "gzip": in_file(lambda _: gzip.compress(WITHHELD.encode())),
    "base32": in_file(lambda _: base64.b32encode(WITHHELD.encode())),
    "backwards": in_file(lambda _: WITHHELD[::-1]),
    "with dots between": in_file(lambda _: ".".join(WITHHELD)),
    "escapes": in_file(lambda _: "".join(f"\\u{ord(letter):04x}" for letter in WITHHELD)),
}


@pytest.mark.parametrize("names", [tuple(BLOBS)[at : at + _TOGETHER] for at in range(0, len(BLOBS), _TOGETHER)])
def test_secrets_in_files(shared: World, tokens: list[str], names: tuple[str, ...]) -> None:
    """However the file came, is called, begins or is packed: each is named by a commit of its own branch."""
    work, branches = prepared(shared, tokens, {name: BLOBS[name] for name in names})
    said = refused(work, tokens, branches.values())
    lines = [line for line in said.splitlines() if ": file " in line and "rule github-pat" in line]
    found = {line.split()[2].rstrip(":") for line in lines}
    for name, branch in branches.items():
        commits = work("rev-list", branch, "^main").split()
        assert any(commit[:12] in found for commit in commits), f"{name} was not found:\n{said}"


def test_secrets_beside_the_files(shared: World, tokens: list[str]) -> None:
    """Names and messages leave with a push too."""
    work, branches = prepared(shared, tokens, MESSAGES)
    said = refused(work, tokens, branches.values())
    for name, branch in branches.items():
        commits = work("rev-list", branch, "^main").split()
        lines = [f"commit {commit[:12]}: commit message or author: rule github-pat" for commit in commits]
        assert any(line in said for line in lines), f"{name} was not found:\n{said}"


def test_secrets_in_names_of_files(shared: World, tokens: list[str]) -> None:
    """The refusal shows no path then: the path is the secret. (A folder's name stands in two paths.)"""
    work, branches = prepared(shared, tokens, NAMES)
    said = refused(work, tokens, branches.values())
    assert said.count("file name: rule github-pat") == len(NAMES) + 1


def test_a_value_that_the_bottle_withholds(shared: World, tokens: list[str]) -> None:
    """It has no form that rules would know; it is looked for itself, in its encodings."""
    work, branches = prepared(shared, tokens, FORMS)
    said = refused(work, tokens, branches.values())
    for name, branch in branches.items():
        assert f"commit {work('rev-parse', branch)[:12]}: file data" in said, name
    assert said.count("rule withheld-value") >= len(FORMS)
    assert WITHHELD not in said


def test_the_commit_that_is_named_is_the_one_that_brought_it(shared: World, tokens: list[str]) -> None:
    """Whoever has to rewrite history must know where to begin."""
    seen: list[str] = []

    def attack(work: Git, token: str) -> None:
        work.commit({"a": "1\n"})
        seen.append(work.commit({"conf.ini": f"\n\nkey = {token}\n"}))
        work.commit({"b": "1\n"})

    said = alone(shared, tokens, attack)
    assert f"commit {seen[0][:12]}: file conf.ini:3: rule github-pat" in said


def test_a_tags_message(shared: World, tokens: list[str]) -> None:
    """A tag is refused by its kind here; what it says never gets further."""
    work, token = shared.clone("tagger"), a_token()
    tokens.append(token)
    work("tag", "-a", "v1", "-m", f"uses {token}")
    assert "rule push.tags" in work.attempt("push", "origin", "v1").said


def test_a_branchs_name(shared: World, tokens: list[str]) -> None:
    """The name of a ref is content, too."""
    work, token = shared.clone("namer"), a_token()
    tokens.append(token)
    outcome = work.attempt("push", "origin", f"HEAD:agent/{token}")
    assert outcome.status != 0
    assert "ref name: rule github-pat" in outcome.said
    assert token not in str(shared.audit)


def test_notes_and_other_kinds_of_refs(shared: World, tokens: list[str]) -> None:
    """Nothing but branches and listed tags."""
    work, token = shared.clone("noter"), a_token()
    tokens.append(token)
    work("notes", "add", "-m", f"uses {token}")
    assert "rule ref.kind" in work.attempt("push", "origin", "refs/notes/commits").said
    assert "rule ref.kind" in work.attempt("push", "origin", "HEAD:refs/pull/1/head").said


def test_one_bad_ref_refuses_all_that_came_with_it(shared: World, tokens: list[str]) -> None:
    """All or nothing, with and without `--atomic`."""
    work, token = shared.clone("both"), a_token()
    tokens.append(token)
    work.commit({"good": "1\n"})
    work("branch", "agent/good")
    work.commit({"conf.ini": f"key = {token}\n"})
    work("branch", "agent/bad")
    for options in ((), ("--atomic",)):
        assert work.attempt("push", *options, "origin", "agent/good", "agent/bad").status != 0
        assert shared.tip("refs/heads/agent/good") == ""


def test_an_object_that_nothing_points_to(shared: World, tokens: list[str]) -> None:
    """git would keep it in the mirror, where a later push could point to it: it is searched like the rest."""
    work, token = shared.clone("hidden"), a_token()
    tokens.append(token)
    commit = work.commit({"plain": "1\n"})
    blob = work("hash-object", "-w", "--stdin", stdin=f"key = {token}\n".encode())
    said = raw_push(shared, work, f"{'0' * 40} {commit} refs/heads/agent/hidden", [commit, blob])
    assert b"rule github-pat" in said
    assert shared.tip("refs/heads/agent/hidden") == ""


def test_push_options_and_certificates_are_not_offered(shared: World) -> None:
    """What is not offered is not sent: neither reaches the upstream or a hook."""
    work = shared.clone("options")
    work.commit({"a": "1\n"})
    said = work.attempt("push", "-o", "merge_request.create", "origin", "HEAD:agent/options").said
    assert "does not support push options" in said
    with urllib.request.urlopen(f"{address(shared)}/info/refs?service=git-receive-pack") as answer:
        offered = answer.read()
    assert b"push-options" not in offered
    assert b"push-cert" not in offered


def test_a_clone_shows_no_other_refs_and_no_credential(shared: World) -> None:
    """What a forge keeps beside branches and tags is not mirrored; addresses hold no secret."""
    upstream = Git.at(shared.upstream)
    upstream("update-ref", "refs/pull/7/head", "main")
    work = shared.clone("looker")
    assert "refs/pull" not in work("ls-remote", "origin")
    assert "PRIVATE" not in (work.folder / ".git/config").read_text()


def test_a_pack_that_lies_about_its_size(shared: World) -> None:
    """A header that promises four thousand million objects gets nobody to make room for them."""
    commands = f"{'0' * 40} {'1' * 40} refs/heads/agent/bomb\0report-status\n"
    pack = b"PACK\0\0\0\x02\xff\xff\xff\xff" + bytes(20)
    assert b"unpack ok" not in post(shared, commands, pack)
    assert shared.tip("refs/heads/agent/bomb") == ""


def test_an_archive_that_unpacks_to_too_much(shared: World, tokens: list[str]) -> None:
    """A few kilobytes that become gigabytes are refused for that, in bounded time and memory."""
    bomb = gzip.compress(gzip.compress(bytes(32 << 20)) * 20)
    said = alone(shared, tokens, in_file(lambda _: bomb))
    assert "rule push.size" in said
