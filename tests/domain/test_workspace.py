"""What of a working tree stays on the host, by name and by key."""

import pytest

from bottle.domain.workspace import is_asked_for, is_git_settings, is_left_in_git, looks_secret, without_credentials


@pytest.mark.parametrize(
    "path",
    [
        *(".env", "app/.env", ".env.local", ".ENV", "prod.env", ".envrc", ".netrc", ".pypirc", ".git-credentials"),
        *("id_rsa", "deploy/id_ed25519", "server.key", "certs/tls.pem", "main.tfstate", "prod.tfvars"),
        *("home/.aws/credentials", ".docker/config.json", ".ssh/known_hosts", "credentials.json"),
    ],
)
def test_files_that_usually_hold_secrets(path: str) -> None:
    assert looks_secret(path)


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".env.example",
            ".env.sample",
            "app/.env.template",
            "a.pem.dist",
            "environment.py",
            "env",
            "src/env/x",
        ),
        *("keyboard.py", "main.tf", "tokens.css", "aws/credentials.md", "id_rsa.pub", "package.json", ".npmrc"),
    ],
)
def test_files_that_usually_do_not(path: str) -> None:
    assert not looks_secret(path)


@pytest.mark.parametrize(
    ("path", "patterns", "wanted"),
    [
        ("node_modules/a/b.js", ["node_modules"], True),
        ("web/node_modules/a.js", ["node_modules/"], True),
        ("web/node_modules/a.js", ["web"], True),
        ("app/.env", [".env"], True),
        ("app/.env", ["app/.env"], True),
        ("docs/a.pdf", ["docs/*.pdf"], True),
        ("docs/a.pdf", ["*.txt", "doc"], False),
        (".env", [], False),
    ],
)
def test_what_a_pattern_asks_for(path: str, patterns: list[str], wanted: bool) -> None:
    assert is_asked_for(path, patterns) is wanted


@pytest.mark.parametrize("path", ["index.lock", "refs/heads/a.lock", "worktrees", "worktrees/x/HEAD", "credentials"])
def test_what_of_git_means_something_to_the_host_alone(path: str) -> None:
    assert is_left_in_git(path)
    assert not is_left_in_git("objects/ab/cdef")


@pytest.mark.parametrize("path", [".git/config", "sub/.git/config", ".git/modules/x/config", ".git/config.worktree"])
def test_settings_of_a_repository(path: str) -> None:
    assert is_git_settings(path)
    assert not is_git_settings("app/config")


def test_settings_lose_what_opens_something_and_what_names_the_host() -> None:
    text = without_credentials(
        [
            ("core.bare", "false"),
            ("remote.origin.url", "https://sam:hunter2@forge.example/a.git"),
            ("remote.ssh.url", "ssh://git@forge.example/a.git"),
            ("http.https://x:y@forge.example/.extraheader", "AUTHORIZATION: basic aHVudGVyMg=="),
            ("credential.helper", "!echo password=hunter2"),
            ("url.https://tok@forge.example/.insteadof", "forge:"),
            ("core.sshcommand", "ssh -i /home/sam/key"),
            ("core.worktree", "/home/sam/elsewhere"),
            ("core.worktree", "../../../lib"),
            ("core.fsmonitor", "/usr/bin/true"),
            ("include.path", "/home/sam/private"),
            ("includeif.gitdir:/x.path", "/home/sam/private"),
            ("forge.token", "hunter2"),
            ("branch.main.merge", "refs/heads/main"),
            ("alias.odd", 'say "a\\b"\n# c'),
            ("receive.flag", None),
        ]
    )
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text
    assert "/home/sam" not in text
    assert text == (
        '[core]\n\tbare = "false"\n'
        '[remote "origin"]\n\turl = "https://forge.example/a.git"\n'
        '[remote "ssh"]\n\turl = "ssh://git@forge.example/a.git"\n'
        '[url "https://forge.example/"]\n\tinsteadof = "forge:"\n'
        '[core]\n\tworktree = "../../../lib"\n'
        '[branch "main"]\n\tmerge = "refs/heads/main"\n'
        '[alias]\n\todd = "say \\"a\\\\b\\"\\n# c"\n'
        "[receive]\n\tflag\n"
    )
