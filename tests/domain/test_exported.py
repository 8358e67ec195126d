"""Files that a host acts on by itself are known by their names, however they are spelled."""

import pytest

from bottle.domain.exported import is_of_bare_repository, is_repositorys_own, look_at, runs_by_itself


@pytest.mark.parametrize(
    "path",
    [
        *("Makefile", "sub/makefile", "rules.mk", "build.gradle.kts", "build.rs", "Jenkinsfile", "justfile"),
        *("package.json", "deep/er/setup.py", "pyproject.toml", "Cargo.toml", ".npmrc", "Gemfile"),
        *("conftest.py", "tests/conftest.py", "tox.ini", "vite.config.ts", "jest.config.js", ".pre-commit-config.yaml"),
        *(".envrc", "sub/.envrc", ".tool-versions", "flake.nix", "evil.pth", "sitecustomize.py"),
        *("Dockerfile", "Dockerfile.dev", "docker-compose.override.yml", "compose.yaml", "Vagrantfile"),
        *(
            ".github/workflows/ci.yml",
            "sub/.github/workflows/x.yml",
            ".gitlab-ci.yml",
            ".ci/run",
            ".circleci/config.yml",
        ),
        *(".gitattributes", ".gitmodules", ".husky/pre-commit", ".githooks/x", "hooks/post-merge"),
        *(
            ".vscode/tasks.json",
            ".vscode/settings.json",
            ".idea/runConfigurations/x.xml",
            ".devcontainer/devcontainer.json",
        ),
        *("x.code-workspace", ".vimrc", ".exrc", ".dir-locals.el", ".gdbinit", ".zshrc", "run.ps1"),
        *("CLAUDE.md", "AGENTS.md", ".claude/settings.json", ".mcp.json", ".cursor/rules", ".codex/config.toml"),
        *("node_modules/x/index.js", ".venv/bin/python", ".cargo/config.toml", ".MVN/wrapper/x", "MAKEFILE"),
    ],
)
def test_what_runs_by_itself_is_known(path: str) -> None:
    assert list(runs_by_itself(path))


@pytest.mark.parametrize(
    "path",
    ["code.py", "README.md", "src/main.c", "docs/hooks.md", "makefiles.txt", "notvscode/x", "data.json", "a/b.txt"],
)
def test_what_does_not_is_left_in_peace(path: str) -> None:
    assert list(runs_by_itself(path)) == []


@pytest.mark.parametrize(
    ("mode", "before", "target", "looks"),
    [
        ("100755", "000000", "", ("it became a program",)),
        ("100755", "100755", "", ()),
        ("120000", "100644", "b", ("it is a link to b",)),
        ("120000", "000000", "../../b", ("it is a link to ../../b", "it leads out of the tree")),
        ("160000", "160000", "", ("it is a submodule",)),
        ("100644", "120000", "", ("it was a link",)),
        ("100644", "000000", "", ()),
    ],
)
def test_modes_that_want_a_look(mode: str, before: str, target: str, looks: tuple[str, ...]) -> None:
    assert look_at("a/x", mode, before, target) == looks


@pytest.mark.parametrize(
    "path", [".git/config", "a/.GIT", "git~1/x", ".git./x", ".git::$INDEX_ALLOCATION/x", "a/.git /b"]
)
def test_gits_own_folder_is_known_in_every_spelling(path: str) -> None:
    assert is_repositorys_own(path)


@pytest.mark.parametrize("path", [".gitignore", ".github/x", "git/config", "x.git/config", "git~11"])
def test_other_folders_are_not_taken_for_gits_own(path: str) -> None:
    assert not is_repositorys_own(path)


def test_settings_beside_a_head_make_a_folder_a_repository() -> None:
    paths = {"HEAD", "config", "lib/HEAD", "lib/config", "other/config"}
    assert [path for path in sorted(paths) if is_of_bare_repository(path, paths)] == ["config", "lib/config"]
