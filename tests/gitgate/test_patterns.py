"""The rules that the gate applies itself: gitleaks' behind encodings that it does not read, and the operator's."""

import base64
import re
from collections.abc import Iterator

import pytest

from bottle.domain.dlp.finding import fingerprint
from bottle.domain.dlp.settings import OwnRule, Scanning
from tests.gitgate.conftest import World
from tests.support.git_client import a_token
from tests.support.secret_rules import shared_rules
from tests.support.sshd import Sshd

OWN = OwnRule("acme-token", "acme_[a-z0-9]{32}", keywords=("acme",))
APPROVED = a_token()
ACME = "acme_" + "4k9x" * 8


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory, server: Sshd) -> Iterator[World]:
    """A gate with the compiled rules, one of the operator's, and one that is silent."""
    there = World(tmp_path_factory.mktemp("knowing"), server, silent=("gitlab-pat",))
    there.scanning = Scanning((OWN,), approved=(fingerprint(b"probe", APPROVED.encode()),))
    there.patterns = str(shared_rules().place)
    there.start()
    yield there
    there.stop()


def test_gitleaks_rules_behind_what_gitleaks_does_not_read(knowing: World) -> None:
    """base32 and base85 are for the scanner of the way out; what gitleaks finds too is told once."""
    work = knowing.clone("encoded")
    text = f"the key is key = {a_token()} and no more".encode()
    work.commit({"b32": base64.b32encode(text), "b85": base64.b85encode(text), "plain": text})
    said = work.attempt("push", "origin", "HEAD:agent/encoded").said
    lines = [line.split(": ")[2] for line in said.splitlines() if "rule github-pat, fingerprint" in line]
    assert sorted(lines) == ["file b32:1", "file b85:1", "file plain:1"]


def test_the_operators_own_rule(knowing: World) -> None:
    """What only the operator knows the shape of must not leave this way either."""
    work = knowing.clone("own")
    work.commit({"conf": f"x = {ACME}\n"})
    said = work.attempt("push", "origin", "HEAD:agent/own").said
    assert "file conf:1: rule acme-token" in said
    assert ACME not in said


def test_what_the_operator_has_said_passes(knowing: World) -> None:
    """`egress.dlp.silence` with this host, or with none, holds for pushes too, and so does `egress.dlp.approved`, which
    names a value by the agent's name. Another value of that kind does not pass."""
    work = knowing.clone("said")
    commit = work.commit({"silent": "token = glpat-" + "Zk3qP9xWv7LmT2sRb8Yd\n", "conf": f"key = {APPROVED}\n"})
    work("push", "--quiet", "origin", "HEAD:agent/said")
    assert knowing.tip("refs/heads/agent/said") == commit
    work.commit({"conf": f"key = {APPROVED}\nkey = {a_token()}\n"})
    assert "file conf:2: rule github-pat" in work.attempt("push", "origin", "HEAD:agent/said").said


@pytest.mark.parametrize("where", ["file", "ref"])
def test_a_name_that_is_allowed_allows_no_other(knowing: World, where: str) -> None:
    """Names are no objects of git's. Were they all known by the same fingerprint, one that the operator let pass would
    let every later one pass."""
    said = []
    for number, token in enumerate((a_token(), a_token())):
        work = knowing.clone(f"{where}-{number}")
        work.commit({f"{token}.txt" if where == "file" else "plain.txt": "nothing\n"})
        said.append(work.attempt("push", "origin", f"HEAD:agent/{token if where == 'ref' else number}").said)
    first, second = (set(re.findall(r"rule github-pat, fingerprint ([0-9a-f]+)", each)) for each in said)
    assert first
    assert second
    assert not first & second


BY_FILE = {
    "deploy/secret.yaml": ("kubernetes-secret-yaml", "kind: Secret\ndata:\n  password: c3VwZXItc2VjcmV0LTQyCg==\n"),
    "main.tf": ("hashicorp-tf-password", 'administrator_login_password = "h7k2m9x4q8w3"\n'),
    "src/NuGet.Config": ("nuget-config-password", '<add key="ClearTextPassword" value="h7k2m9x4q8w3" />\n'),
    "keys/client.p12": ("pkcs12-file", "anything\n"),
}


def test_rules_for_certain_kinds_of_files(knowing: World) -> None:
    """gitleaks is told what kind of file a piece is of, where one of its rules asks."""
    work = knowing.clone("kinds")
    work.commit({name: content for name, (_, content) in BY_FILE.items()})
    said = work.attempt("push", "origin", "HEAD:agent/kinds").said
    for name, (rule, _) in BY_FILE.items():
        assert f"file {name}:" in said, name
        assert f"rule {rule}" in said, name


def test_what_words_alone_would_make_a_secret_passes(knowing: World) -> None:
    """Repositories are full of examples and tests: addresses in manuals, settings for mail, named keys."""
    work = knowing.clone("harmless")
    manual = (
        'EMAIL_HOST_PASSWORD = ""\nEMAIL_USE_TLS = False\nEMAIL_HOST_USER = "smtp"\n'
        "redis://username:password@127.0.0.1:6379\nhttp://username:password@proxyserver:8080\n"
        'create_user(password="test_password")\ncache_key = "template.cache.foo.493e283d571a73056196f1a68efd0f66"\n'
    )
    commit = work.commit({"docs/manual.rst": manual, "tests/test_mail.py": manual})
    work("push", "--quiet", "origin", "HEAD:agent/harmless")
    assert knowing.tip("refs/heads/agent/harmless") == commit
