"""The files: where they are, what is passed over, and what a broken one hinders (MAN-01 to MAN-04)."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bottle.adapters.manifests.store import MAX_FILE, ManifestFiles
from bottle.domain.errors import ManifestError, NotFoundError

from .conftest import PROVIDER, Write


def put(folder: Path, name: str, frontmatter: str, body: str = "") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\n{frontmatter}\n---\n{body}", encoding="utf-8")
    return path


NOBODY = 65534


def refused(files: ManifestFiles, agent: str = "helper") -> tuple[str, str]:
    with pytest.raises(ManifestError) as caught:
        files.load(agent)
    return str(caught.value), caught.value.hint or ""


@pytest.fixture
def good(write: Write) -> None:
    """One bottle that works and the agent `good` in it."""
    write("bottles/dev.md", PROVIDER)
    write("agents/good.md", "bottle: dev", "Be brief.")


@pytest.mark.usefixtures("good")
def test_man_01_a_file_name_is_the_name(files: ManifestFiles) -> None:
    manifest = files.load("good")
    assert files.agent_names() == ("good",)
    assert (list(manifest.agents), list(manifest.bottles)) == (["good"], ["dev"])
    assert manifest.agents["good"].source == "agents/good.md"
    assert manifest.bottle_for("good").chain == ("dev",)
    assert files.warnings() == ()


def test_nothing_is_there_yet(files: ManifestFiles, tmp_path: Path) -> None:
    for empty in (files, ManifestFiles(tmp_path / "nowhere", None)):
        assert empty.agent_names() == ()
        assert empty.load_all().agents == {}
        with pytest.raises(NotFoundError) as caught:
            empty.load("helper")
        assert "bottle init" in (caught.value.hint or "")


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize("name", ["Good.md", "9.md", "a_b.md", "a b.md", ".hidden.md", "-a.md", "é.md", ".md"])
def test_man_02_a_file_with_another_kind_of_name_is_skipped_with_a_warning(
    files: ManifestFiles, home: Path, name: str
) -> None:
    put(home, f"agents/{name}", "bottle: dev")
    put(home, f"bottles/{name}", "no: sense")
    assert list(files.load_all().agents) == ["good"]
    assert [warning.split(": ")[1] for warning in files.warnings()] == ["skipped", "skipped"]
    assert files.warnings()[0].startswith("bottles/")


@pytest.mark.usefixtures("good")
def test_warnings_cannot_drive_a_terminal(files: ManifestFiles, repository: Path) -> None:
    put(repository, ".bot-bottle/agents/\x1b[2J.md", "bottle: dev")
    assert files.agent_names() == ("good",)
    assert all(warning.isprintable() for warning in files.warnings())
    assert len(files.warnings()) == 1


@pytest.mark.usefixtures("good")
def test_what_is_no_markdown_is_nobodys_business(files: ManifestFiles, home: Path) -> None:
    (home / "agents" / "notes.txt").write_text("x")
    assert files.load_all().agents.keys() == {"good"}
    assert files.warnings() == ()


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize("name", ["../agents/good", "good.md", "Good", "", "/etc/passwd", "good\0"])
def test_only_a_listed_name_is_ever_opened(files: ManifestFiles, name: str) -> None:
    with pytest.raises(NotFoundError):
        files.load(name)


@pytest.mark.usefixtures("good")
def test_man_03_a_repository_brings_agents_that_refer_to_home_bottles(files: ManifestFiles, repository: Path) -> None:
    put(repository, ".bot-bottle/agents/local.md", "bottle: dev", "Build it.")
    assert files.agent_names() == ("good", "local")
    assert files.load("local").agents["local"].prompt == "Build it."
    assert files.load("local").agents["local"].source == ".bot-bottle/agents/local.md"
    assert files.warnings() == ()


@pytest.mark.usefixtures("good")
def test_man_03_a_repository_never_takes_the_place_of_your_own_agent(files: ManifestFiles, repository: Path) -> None:
    put(repository, ".bot-bottle/agents/good.md", "bottle: dev", "Do harm.")
    assert files.load("good").agents["good"].prompt == "Be brief."
    assert files.warnings() == (
        ".bot-bottle/agents/good.md: ignored: your own agent 'good' goes before the repository's",
    )


@pytest.mark.usefixtures("good")
def test_man_03_your_own_broken_agent_is_not_replaced_either(
    files: ManifestFiles, write: Write, repository: Path
) -> None:
    write("agents/good.md", "bottel: dev")
    put(repository, ".bot-bottle/agents/good.md", "bottle: dev", "Do harm.")
    assert refused(files, "good")[0].startswith("agents/good.md:2:1: bottel")


@pytest.mark.usefixtures("good")
def test_man_04_a_repositorys_bottles_are_ignored_with_a_warning(files: ManifestFiles, repository: Path) -> None:
    put(repository, ".bot-bottle/bottles/dev.md", f"{PROVIDER}\nsupervise: true")
    put(repository, ".bot-bottle/bottles/wide.md", PROVIDER)
    put(repository, ".bot-bottle/agents/local.md", "bottle: wide")
    assert files.load("good").bottle_for("good").supervise is False
    assert files.warnings() == (".bot-bottle/bottles: ignored: a repository brings no bottles along",)
    assert refused(files, "local")[0] == ".bot-bottle/agents/local.md:2:9: bottle: no bottle is called 'wide'"


@pytest.mark.usefixtures("good")
def test_man_04_extends_reaches_home_bottles_alone(files: ManifestFiles, write: Write, repository: Path) -> None:
    put(repository, ".bot-bottle/bottles/wide.md", PROVIDER)
    write("bottles/dev.md", "extends: wide")
    assert refused(files, "good")[0] == "bottles/dev.md:2:10: extends: no bottle is called 'wide'"


@pytest.mark.usefixtures("good")
def test_the_home_directory_is_no_repository(home: Path) -> None:
    files = ManifestFiles(home, home.parent)
    assert files.load("good").agents["good"].source == "agents/good.md"
    assert files.warnings() == ()


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize("link", [".bot-bottle", ".bot-bottle/agents"])
def test_a_repositorys_linked_folder_is_ignored(
    files: ManifestFiles, repository: Path, tmp_path: Path, link: str
) -> None:
    put(tmp_path / "elsewhere", "agents/local.md", "bottle: dev")
    target = tmp_path / "elsewhere" if link == ".bot-bottle" else tmp_path / "elsewhere" / "agents"
    (repository / link).parent.mkdir(exist_ok=True)
    (repository / link).symlink_to(target)
    assert files.agent_names() == ("good",)
    assert files.warnings() == (f"{link}: ignored: a repository's folder may not be a symbolic link",)


@pytest.mark.usefixtures("good")
def test_a_repositorys_linked_file_never_becomes_a_prompt(
    files: ManifestFiles, repository: Path, tmp_path: Path
) -> None:
    private = put(tmp_path, "private.md", "bottle: dev", "my diary")
    (repository / ".bot-bottle" / "agents").mkdir(parents=True)
    (repository / ".bot-bottle" / "agents" / "local.md").symlink_to(private)
    message, hint = refused(files, "local")
    assert message == ".bot-bottle/agents/local.md: is a symbolic link, which a repository may not bring along"
    assert hint == "copy the file"


@pytest.mark.usefixtures("good")
def test_a_repository_whose_folder_is_a_file_hinders_nobody(files: ManifestFiles, repository: Path) -> None:
    (repository / ".bot-bottle").mkdir()
    (repository / ".bot-bottle" / "agents").write_text("x")
    assert files.load("good").agents
    assert files.warnings() == (".bot-bottle: ignored: the repository's folder cannot be read",)


@pytest.mark.usefixtures("good")
def test_your_own_links_are_followed(files: ManifestFiles, home: Path, tmp_path: Path) -> None:
    (home / "agents" / "linked.md").symlink_to(put(tmp_path, "dotfiles/helper.md", "bottle: dev", "Hello."))
    assert files.load("linked").agents["linked"].prompt == "Hello."


@pytest.mark.usefixtures("good")
def test_one_broken_file_hinders_no_other_agent_and_listing_reports_them_all(
    files: ManifestFiles, write: Write, home: Path
) -> None:
    write("agents/bad.md", "bottle: gone")
    write("bottles/refused.md", "egres: {}")
    write("bottles/loop.md", "extends: loop")
    (home / "agents" / "worse.md").write_bytes(b"\xff")
    assert files.load("good").bottle_for("good").name == "dev"
    with pytest.raises(ManifestError) as caught:
        files.load_all()
    report = f"{caught.value}\n{caught.value.hint}"
    assert "\n" not in str(caught.value)
    for place in ("agents/bad.md:2:9: bottle", "bottles/refused.md:2:1: egres", "bottles/loop.md:2:10", "agents/worse"):
        assert report.count(place) == 1


@pytest.mark.usefixtures("good")
def test_only_the_files_that_count_are_opened(files: ManifestFiles, home: Path) -> None:
    os.mkfifo(home / "agents" / "pipe.md")
    os.mkfifo(home / "bottles" / "pipe.md")
    assert files.load("good").agents
    assert files.agent_names() == ("good", "pipe")


def test_what_is_no_readable_text_is_refused_with_its_name(files: ManifestFiles, home: Path) -> None:
    agents = home / "agents"
    agents.mkdir()
    (agents / "folder.md").mkdir()
    os.mkfifo(agents / "pipe.md")
    (agents / "dangling.md").symlink_to("nowhere")
    (agents / "circle.md").symlink_to("circle.md")
    (agents / "latin.md").write_bytes("---\nbottle: dev\n# gr\xfc\xdfe\n---\n".encode("latin-1"))
    (agents / "huge.md").write_bytes(b"---\nbottle: dev\n---\n" + b"x" * MAX_FILE)
    (agents / "empty.md").write_bytes(b"")
    expected = {
        "folder": "agents/folder.md: is not a regular file",
        "pipe": "agents/pipe.md: is not a regular file",
        "dangling": "agents/dangling.md: is a symbolic link that leads to no readable file",
        "circle": "agents/circle.md: is a symbolic link that leads to no readable file",
        "latin": "agents/latin.md:3: is not UTF-8",
        "huge": f"agents/huge.md: is longer than {MAX_FILE} bytes",
        "empty": "agents/empty.md:1:1: no frontmatter stands at the top",
    }
    for name, message in expected.items():
        assert refused(files, name)[0] == message
        assert refused(files, name)[1]


@pytest.fixture
def open_home() -> Iterator[Path]:
    """A home that any user can look into, outside of the test runner's own private directory."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def unprivileged() -> Iterator[None]:
    """As somebody whom the modes of files bind: root, whom they do not, becomes nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_file_or_folder_is_refused_with_its_name(open_home: Path) -> None:
    agents = open_home / "agents"
    agents.mkdir()
    (agents / "helper.md").write_text("---\nbottle: dev\n---\n")
    (agents / "helper.md").chmod(0)
    files = ManifestFiles(open_home, None)
    with unprivileged():
        assert refused(files)[0] == "agents/helper.md: cannot be read: Permission denied"
    agents.chmod(0)
    with unprivileged():
        assert refused(files)[0] == "agents: cannot be read: Permission denied"
    agents.chmod(0o700)


def test_a_folder_that_is_a_file_is_refused_with_its_name(files: ManifestFiles, home: Path) -> None:
    (home / "agents").write_text("x")
    assert refused(files) == ("agents: cannot be read: Not a directory", "a directory that you can read")


@pytest.mark.usefixtures("good")
def test_a_file_that_changed_is_read_anew(files: ManifestFiles, write: Write) -> None:
    assert files.load("good").agents["good"].prompt == "Be brief."
    write("agents/good.md", "bottle: dev", "Be thorough.")
    assert files.load("good").agents["good"].prompt == "Be thorough."


def test_names_are_listed_without_opening_a_file(files: ManifestFiles, home: Path) -> None:
    (home / "agents").mkdir()
    for number in range(1000):
        (home / "agents" / f"a{number}.md").write_bytes(b"\xff")
    assert len(files.agent_names()) == 1000


def test_listing_names_loads_no_parser(home: Path) -> None:
    """So that `bottle list` and shell completion answer at once."""
    script = (
        "import sys; from pathlib import Path; from bottle.adapters.manifests.store import ManifestFiles;"
        "ManifestFiles(Path(sys.argv[1]), None).agent_names();"
        "print(sorted({'yaml', 'cattrs', 'publicsuffixlist'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", script, str(home)], capture_output=True, text=True, check=True, env=environment
    )
    assert run.stdout == "[]\n"
