"""What stands in for images where there are none; and the real agent programs, installed and run in a real box."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import bottle
from bottle.adapters.bubblewrap import elf, needs, pins, sandbox
from bottle.adapters.bubblewrap.managed import Shelf
from bottle.adapters.bubblewrap.pins import Machine
from bottle.adapters.bubblewrap.programs import Programs, programs_of
from bottle.adapters.bubblewrap.tools import GUEST_BIN, SYSTEM, Host, Tool, find
from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.providers.registry import AllProviders
from bottle.domain.errors import ManifestError, ProvisionError, UsageError
from bottle.domain.plan import Image
from bottle.domain.provider import Provision, Report, Wish, plain_report
from tests.support.bottles import build_roots
from tests.support.host_tree import link, package, program, script
from tests.support.package_registry import QUICK
from tests.support.requirements import require, required
from tests.support.secret_rules import shared_rules

CLAUDE, CODEX = (AllProviders().get(name) for name in ("claude", "codex"))
NOWHERE = "http://127.0.0.1:9"


class Unheard:
    template = "unheard-of"
    image = "unheard-of"
    dockerfile = None

    def provision(self, wish: Wish) -> Provision:
        raise NotImplementedError

    def report(self, output: bytes) -> Report:
        return plain_report(output)


def _programs(tmp_path: Path, path: str = "", *, image: str | None = None, machine: Machine | None = None) -> Programs:
    return Programs(
        Host(path), Shelf(tmp_path / "tools", NOWHERE, QUICK), image=image, machine=machine, rules=shared_rules()
    )


def test_the_hosts_own_program_comes_first(tmp_path: Path) -> None:
    own = program(tmp_path / "versions/2.0.0/claude").parent
    programs = _programs(tmp_path, str(own))
    images = programs.images(CLAUDE)
    assert [image.tag for image in images] == [
        f"claude 2.0.0 (host's {own}/claude)",
        f"bottle's own programs {bottle.__version__}",
    ]
    assert programs.missing(images) == []
    assert programs.tool(images[0]).binds == ((f"{own.resolve()}/claude", "/opt/bottle/tools/claude/claude"),)
    programs.build(images[0], FakeProgress())
    assert not (tmp_path / "tools").exists()


def test_else_bottles_own_release_is_to_be_installed(tmp_path: Path) -> None:
    shims = script(tmp_path / "shims/claude", "#!/bin/sh").parent
    programs = _programs(tmp_path, str(shims), machine=Machine("x64", musl=False))
    box, sidecar = programs.images(CLAUDE)
    version = pins.version("claude")
    reason = "is a shim, which looks for the program in the home"
    assert box.tag == f"claude {version} (bottle's own; {shims}/claude {reason})"
    assert box.recipe == f"{NOWHERE}/@anthropic-ai/claude-code-linux-x64/-/claude-code-linux-x64-{version}.tgz"
    assert programs.missing([box, sidecar]) == [box]
    with pytest.raises(ProvisionError, match="is not there"):
        programs.tool(box)
    with pytest.raises(ProvisionError, match="cannot be fetched"):
        programs.build(box, FakeProgress())
    place = program(tmp_path / "tools/claude" / version / "claude").parent
    assert programs.missing([box, sidecar]) == []
    assert programs.tool(box).binds == ((str(place), "/opt/bottle/tools/claude"),)


def test_a_program_that_nobody_has_is_missing_and_says_why(tmp_path: Path) -> None:
    shims = script(tmp_path / "shims/unheard-of", "#!/bin/sh").parent
    programs = _programs(tmp_path, str(shims))
    box, sidecar = programs.images(Unheard())
    assert box.recipe is None
    assert programs.missing([box, sidecar]) == [box]
    with pytest.raises(ProvisionError, match=r"no release of unheard-of .* cannot be used: .* is a shim") as caught:
        programs.build(box, FakeProgress())
    assert "install unheard-of on this host" in (caught.value.hint or "")
    with pytest.raises(ProvisionError):
        programs.build(Image("unknown"), FakeProgress())


def test_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="builds no images") as custom:
        _programs(tmp_path).images(CLAUDE, "~/Dockerfile")
    assert "backend: docker" in (custom.value.hint or "")
    with pytest.raises(UsageError, match="BOT_BOTTLE_IMAGE"):
        _programs(tmp_path, image="mine:1").images(CLAUDE)


@pytest.mark.parametrize("name", ["claude", "codex"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_release_is_pinned_for_either_machine(name: str, machine: str, tmp_path: Path) -> None:
    glibc = tmp_path / pins._GLIBC_LOADERS[pins._ARCHITECTURES[machine]].lstrip("/")
    glibc.parent.mkdir(parents=True)
    glibc.touch()
    release = pins.release(name, Machine.of(machine, tmp_path))
    assert len(bytes.fromhex(release.sha512)) == 64
    assert release.version == pins.version(name)
    assert release.version in release.path
    assert "{" not in release.path + release.root


def test_claudes_release_is_the_images(tmp_path: Path) -> None:
    recipe = (Path(__file__).parents[2] / "images/claude/Dockerfile").read_text()
    assert f"CLAUDE_CODE_SHA512_ARM64={pins.release('claude', Machine('arm64', musl=False)).sha512}\n" in recipe


def test_what_is_not_pinned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="no release of claude for linux-riscv64 "):
        pins.release("claude", Machine.of("riscv64", tmp_path))
    with pytest.raises(ProvisionError, match="no release of claude for linux-x64-musl"):
        pins.release("claude", Machine("x64", musl=True))
    assert pins.release("codex", Machine("x64", musl=True)).sha512
    assert pins.version("unheard-of") == ""


def test_absent_programs_of_the_system_are_noted(tmp_path: Path) -> None:
    for name in ("sh", "bash", "curl"):
        program(tmp_path / name)
    assert list(needs.notes((str(tmp_path),))) == [
        "git is not below /usr on this host: the agent can neither commit nor push"
    ]


@pytest.mark.parametrize("name", ["/bin/sh", "/usr/bin/env"])
def test_real_programs_are_read_as_the_kernel_reads_them(name: str) -> None:
    real = Path(name).resolve()
    assert elf.is_elf(real)
    found = elf.loader(real)
    assert found is None or Path(found).exists()


def _in_a_box(tool: Tool, *arguments: str) -> str:
    """What the program says in a box with nothing but the system, the tool and an empty home."""
    done = subprocess.run(
        [
            *("bwrap", "--unshare-all", "--die-with-parent", "--clearenv", "--cap-drop", "ALL"),
            *sandbox.system(),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/home/node"),
            *("--setenv", "HOME", "/home/node", "--setenv", "PATH", f"{GUEST_BIN}:/usr/bin:/bin"),
            *sandbox.binds(tool.binds),
            *(word for name, target in tool.links for word in ("--symlink", target, f"{GUEST_BIN}/{name}")),
            *("--chdir", "/home/node", tool.program, *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_node_program_of_the_home_runs_in_a_box(tmp_path: Path) -> None:
    require("bwrap")
    require("node")
    installation = tmp_path.resolve() / "home/.nvm/versions/node/v1"
    modules = installation / "lib/node_modules"
    main = script(package(modules, "@us/agent", dependencies={"beside": "*"}) / "cli.js", "#!/usr/bin/env node")
    main.write_text("#!/usr/bin/env node\nconsole.log(require('beside'), require('os').homedir())\n")
    (package(modules, "beside") / "index.js").write_text("module.exports = 'found'\n")
    link(installation / "bin/agent", main)
    real = Path(shutil.which("node") or "").resolve()
    system = SYSTEM
    if real.stat().st_size > 20 << 20:  # one that is a single file, as its makers give it out
        shutil.copy(real, installation / "bin/node")
        system = tuple(folder for folder in SYSTEM if folder != Path("/usr/bin"))
    tool, refused = find("agent", Host(f"{installation}/bin:{real.parent}", system))
    assert tool is not None, refused
    assert _in_a_box(tool).split() == ["found", "/home/node"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """One download for all tests here."""
    home = tmp_path_factory.mktemp("home")
    environ = {name: value for name, value in os.environ.items() if name != "PATH"}
    yield programs_of(environ, Path.home(), home, build_ca=build_roots)
    shutil.rmtree(home)


@pytest.mark.parametrize("name", ["claude", "codex"])
def test_the_real_program_is_installed_and_runs_in_a_box(installed: Programs, name: str) -> None:
    require("bwrap")
    box, _ = installed.images(AllProviders().get(name))
    assert box.tag == f"{name} {pins.version(name)} (bottle's own)"
    progress = FakeProgress()
    try:
        installed.build(box, progress)
    except ProvisionError as error:
        if name in required() or "cannot be fetched" not in str(error):
            raise
        pytest.skip(f"needs {name}: {error}")
    assert progress.details[0] == f"fetching {box.recipe}"
    assert installed.missing([box]) == []
    tool = installed.tool(box)
    assert pins.version(name) in _in_a_box(tool, "--version")
    assert _as_the_hosts_own(tool).version in ("", pins.version(name))


def _as_the_hosts_own(tool: Tool) -> Tool:
    """The same installation, found on the PATH."""
    (source, guest), (_, target) = tool.binds[0], tool.links[0]
    folder = (Path(source) / Path(target).relative_to(guest)).parent
    found, refused = find(tool.program, Host(str(folder)))
    assert found is not None, refused
    assert pins.version(tool.program) in _in_a_box(found, "--version")
    return found
