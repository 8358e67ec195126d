"""The agent's side of the git gate: a real git with a home of its own, and repositories to begin with."""

import secrets
import shutil
import string
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import frozen

_WHO = {
    "GIT_AUTHOR_NAME": "Sam",
    "GIT_AUTHOR_EMAIL": "sam@example.org",
    "GIT_COMMITTER_NAME": "Sam",
    "GIT_COMMITTER_EMAIL": "sam@example.org",
}


def a_token() -> str:
    """A secret of a kind that gitleaks knows; made now, so that none stands in a file of ours."""
    letters = string.ascii_letters + string.digits
    return "gh" + "p_" + "".join(secrets.choice(letters) for _ in range(36))


@frozen
class Outcome:
    """How git ended, and all that it said."""

    status: int
    said: str


@frozen
class Git:
    """git in one directory, with a home that has nothing but what is said here."""

    folder: Path
    home: Path

    @classmethod
    def at(cls, folder: Path, rewrites: Iterable[tuple[str, str]] = (), gate: tuple[str, str] = ("", "")) -> "Git":
        """`gate` is what to replace in the rewrites, and by what: tests find the gate at a port of their own."""
        home = folder.parent / f"{folder.name}-home"
        home.mkdir(parents=True, exist_ok=True)
        text = "".join(f'[url "{base.replace(*gate)}"]\n\tinsteadOf = {old}\n' for base, old in rewrites)
        (home / ".gitconfig").write_text(f"{text}[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n")
        return cls(folder, home)

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> str:
        """What git says; it must succeed."""
        outcome = self.attempt(*arguments, env=env, stdin=stdin)
        assert outcome.status == 0, outcome.said
        return outcome.said.strip()

    def raw(self, *arguments: str) -> bytes:
        """What git says, to the byte; it must succeed."""
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self._env(), capture_output=True, check=True
        ).stdout

    def attempt(self, *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Outcome:
        """Runs git, however it ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**self._env(), **(env or {})},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=900,
            check=False,
        )
        return Outcome(done.returncode, done.stdout.decode(errors="replace"))

    def _env(self) -> dict[str, str]:
        own = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
        return {**own, **_WHO}

    def commit(self, files: Mapping[str, str | bytes], message: str = "work") -> str:
        """Writes files and commits them; the commit."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self("add", "--all", "--force")
        self("commit", "--quiet", "--allow-empty", "-m", message)
        return self("rev-parse", "HEAD")


def bare_repository(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A repository as a forge has it, with one commit on `main`."""
    work = Git.at(path.parent / f"{path.name}-seed")
    work("init", "--quiet")
    work.commit(files, "first")
    work("clone", "--quiet", "--bare", ".", str(path))
    shutil.rmtree(work.folder)
    return path


def holds(repository: Path, needle: str) -> bool:
    """Whether any object or ref of a repository holds the text: reachable or not, packed or loose."""
    git = Git.at(repository)
    listed = git("cat-file", "--batch-check=%(objectname)", "--batch-all-objects").split()
    contents = git("cat-file", "--batch", stdin="\n".join(listed).encode()) if listed else ""
    return needle in contents or needle in git("for-each-ref")
