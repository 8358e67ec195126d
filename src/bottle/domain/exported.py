"""What an agent's work changes, and what of it a person looks at before it runs on this host."""

import re
from collections.abc import Container, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final, Literal

from attrs import frozen

from bottle.domain.taken_out import GIT, leads_out

Status = Literal["added", "changed", "deleted"]
FILE, PROGRAM, LINK, MODULE = "100644", "100755", "120000", "160000"
"""Modes as git writes them."""


@frozen
class Change:
    """One path. `mode` is git's, empty where it is gone; `target` is what a link names; `look` says why a person should
    read it before anything else, each reason once."""

    path: str
    status: Status
    mode: str
    look: tuple[str, ...] = ()


_NAMES: Final[Mapping[str, str]] = {
    "a build runs it": """
        makefile gnumakefile *.mk cmakelists.txt *.cmake meson.build sconstruct justfile .justfile taskfile.yml
        taskfile.yaml rakefile build.gradle* settings.gradle* pom.xml build.rs build.xml build build.bazel workspace
        workspace.bazel configure configure.ac gradlew gradlew.bat mvnw mvnw.cmd jenkinsfile""",
    "a package manager runs it": """
        package.json .npmrc .yarnrc .yarnrc.y*ml .pnpmfile.*js setup.py setup.cfg pyproject.toml binding.gyp gemfile
        *.gemspec composer.json cargo.toml mix.exs pip.conf .pip.conf""",
    "the tests run it": "conftest.py noxfile.py tox.ini pytest.ini",
    "a tool runs it": """
        *.config.js *.config.cjs *.config.mjs *.config.ts *.config.mts .eslintrc* .babelrc* .prettierrc* gulpfile.*
        gruntfile.* webpack.*.js .lintstagedrc* .pre-commit-config.y*ml lefthook.y*ml .lefthook.y*ml""",
    "a shell runs it when it enters the folder": """
        .envrc .env .autoenv .autoenv.zsh .tool-versions mise.toml .mise.toml shell.nix flake.nix default.nix""",
    "Python runs it at its start": "sitecustomize.py usercustomize.py *.pth",
    "a container is built or run from it": """
        dockerfile dockerfile.* *.dockerfile containerfile compose.y*ml compose.*.y*ml docker-compose*.y*ml
        vagrantfile""",
    "CI runs it": """
        .gitlab-ci.y*ml .travis.y*ml azure-pipelines.y*ml bitbucket-pipelines.y*ml appveyor.y*ml .drone.y*ml""",
    "git obeys it": ".gitattributes .gitmodules .gitconfig",
    "an editor obeys it": """
        .vimrc .exrc .nvimrc .nvim.lua .lvimrc .dir-locals.el *.code-workspace *.sublime-project""",
    "a coding agent obeys it": """
        claude.md claude.local.md agents.md agents.override.md gemini.md .mcp.json .cursorrules .windsurfrules
        .aider.conf.y*ml""",
    "a debugger runs it": ".gdbinit .lldbinit",
    "a shell runs it": ".bashrc .bash_profile .profile .zshrc .zshenv *.ps1 *.bat *.cmd *.command",
}
"""Who acts on files of these names, in small letters, without being asked to."""
_FOLDERS: Final[Mapping[str, str]] = {
    "CI runs it": """
        .github/workflows .github/actions .gitlab-ci .circleci .buildkite .gitea/workflows .forgejo/workflows
        .woodpecker .ci""",
    "an editor runs it": ".vscode .idea .fleet .zed .vs .nvim .devcontainer",
    "git runs it": ".husky .githooks .git-hooks hooks",
    "a coding agent obeys it": ".claude .codex .cursor .gemini .opencode .continue .windsurf .aider",
    "a tool runs it": ".cargo .mvn .yarn .bundle .config node_modules .venv venv",
}
"""Likewise for all that is below these folders."""


def look_at(path: str, mode: str, mode_before: str, target: str) -> tuple[str, ...]:
    """Why a change to this path wants a person's eyes before anything runs. Names are compared as a host would that
    does not tell capitals apart."""
    return tuple(dict.fromkeys((*_by_mode(path, mode, mode_before, target), *runs_by_itself(path))))


def runs_by_itself(path: str) -> Iterator[str]:
    """Who on a host acts on a file of this path without being asked to."""
    folded = path.casefold()
    folder, _, name = folded.rpartition("/")
    for why, patterns in _NAMES.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
            yield why
    for why, folders in _FOLDERS.items():
        if any(f"/{known}/" in f"/{folder}/" for known in folders.split()):
            yield why


def is_repositorys_own(path: str) -> bool:
    """Whether git, on any host, would take part of the path for its own folder (CVE-2014-9390): other capitals, the
    short name, what HFS+ ignores and what NTFS cuts off."""
    return any(_folded(part) in (GIT, "git~1") for part in path.split("/"))


def is_of_bare_repository(path: str, paths: Container[str]) -> bool:
    """Whether the path is the settings of what git would take for a repository without a working tree, wherever it lies
    (safe.bareRepository in git-config(1))."""
    folder, _, name = path.rpartition("/")
    return name.lower() == "config" and f"{folder}/HEAD".lstrip("/") in paths


def _by_mode(path: str, mode: str, mode_before: str, target: str) -> Iterator[str]:
    if mode == PROGRAM and mode_before != PROGRAM:
        yield "it became a program"
    if mode == LINK:
        yield f"it is a link to {target}"
        if leads_out(path, target):
            yield "it leads out of the tree"
    if MODULE in (mode, mode_before):
        yield "it is a submodule"
    if mode_before == LINK and mode not in (LINK, ""):
        yield "it was a link"


_IGNORED: Final = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def _folded(part: str) -> str:
    return _IGNORED.sub("", part).partition(":")[0].rstrip(" .").lower()
