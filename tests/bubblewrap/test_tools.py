"""Where the host's own agent program is found, and how little of the host a box is shown for it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bottle.adapters.bubblewrap.tools import GUEST_TOOLS
from tests.support.host_tree import LOADER, Tree, link, package, placed, program, script


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path.resolve())


def _usr_native(tree: Tree) -> list[Path]:
    program(tree.usr / "bin/claude", loader=LOADER)
    return [tree.usr / "bin"]


def _native_installer(tree: Tree) -> list[Path]:
    real = program(tree.home / ".local/share/claude/versions/2.1.329", loader=LOADER)
    link(tree.home / ".local/bin/claude", real)
    return [tree.home / ".local/bin"]


def _npm_native(tree: Tree) -> list[Path]:
    folder = package(tree.home / ".npm-global/lib/node_modules", "@anthropic-ai/claude-code", version="2.1.329")
    link(tree.home / ".npm-global/bin/claude", program(folder / "bin/claude.exe", loader=LOADER))
    return [tree.home / ".npm-global/bin"]


def _usr_local_script(tree: Tree) -> list[Path]:
    folder = package(tree.usr / "local/lib/node_modules", "@anthropic-ai/claude-code", version="1.0.9")
    link(tree.usr / "local/bin/claude", script(folder / "cli.js", "#!/usr/bin/env node"))
    program(tree.usr / "bin/node", loader=LOADER)
    return [tree.usr / "local/bin", tree.usr / "bin"]


def _usr_script_with_node_of_the_home(tree: Tree) -> list[Path]:
    _usr_local_script(tree)
    program(tree.home / ".nvm/versions/node/v22.1.0/bin/node")
    return [tree.home / ".nvm/versions/node/v22.1.0/bin", tree.usr / "local/bin", tree.usr / "bin"]


def _npm_prefix_in_the_home(tree: Tree) -> list[Path]:
    folder = package(tree.home / ".npm-global/lib/node_modules", "@openai/codex", version="0.50.0")
    link(tree.home / ".npm-global/bin/claude", script(folder / "bin/codex.js", "#!/usr/bin/env -S node --no-warnings"))
    program(tree.usr / "bin/node")
    return [tree.home / ".npm-global/bin", tree.usr / "bin"]


def _nvm(tree: Tree) -> list[Path]:
    installation = tree.home / ".nvm/versions/node/v22.1.0"
    folder = package(installation / "lib/node_modules", "claude-like", version="3.0.0")
    link(installation / "bin/claude", script(folder / "cli.js", "#!/usr/bin/env node"))
    program(installation / "bin/node", loader=LOADER)
    return [installation / "bin"]


def _homebrew_cask(tree: Tree) -> list[Path]:
    brew = tree.root / "home/linuxbrew/.linuxbrew"
    link(brew / "bin/claude", program(brew / "Caskroom/claude-code/2.1.300/claude", loader=LOADER))
    return [brew / "bin"]


def _opt(tree: Tree) -> list[Path]:
    program(tree.root / "opt/claude-2.0.1/bin/claude")
    return [tree.root / "opt/claude-2.0.1/bin"]


def _codex_unpacked_over_a_home(tree: Tree) -> list[Path]:
    program(tree.home / ".local/bin/codex")
    placed(tree.home / ".local/codex-package.json", b"{}")
    program(tree.home / ".local/codex-path/rg")
    return [tree.home / ".local/bin"]


GUEST = f"{GUEST_TOOLS}/claude"
NODE = f"{GUEST_TOOLS}/claude-node/node"
NVM = "home/me/.nvm/versions/node/v22.1.0"

# layout, version, binds (below the tree -> in the box), links ("usr/..." below the tree)
USABLE: list[tuple[Callable[[Tree], list[Path]], str, dict[str, str], dict[str, str]]] = [
    (_usr_native, "", {}, {"claude": "usr/bin/claude"}),
    (
        _native_installer,
        "2.1.329",
        {"home/me/.local/share/claude/versions/2.1.329": f"{GUEST}/2.1.329"},
        {"claude": f"{GUEST}/2.1.329"},
    ),
    (
        _npm_native,
        "2.1.329",
        {"home/me/.npm-global/lib/node_modules/@anthropic-ai/claude-code/bin/claude.exe": f"{GUEST}/claude.exe"},
        {"claude": f"{GUEST}/claude.exe"},
    ),
    (
        _usr_local_script,
        "1.0.9",
        {},
        {"claude": "usr/local/lib/node_modules/@anthropic-ai/claude-code/cli.js", "node": "usr/bin/node"},
    ),
    (
        _usr_script_with_node_of_the_home,
        "1.0.9",
        {f"{NVM}/bin/node": NODE},
        {"claude": "usr/local/lib/node_modules/@anthropic-ai/claude-code/cli.js", "node": NODE},
    ),
    (
        _npm_prefix_in_the_home,
        "0.50.0",
        {"home/me/.npm-global/lib/node_modules/@openai/codex": f"{GUEST}/node_modules/@openai/codex"},
        {"claude": f"{GUEST}/node_modules/@openai/codex/bin/codex.js", "node": "usr/bin/node"},
    ),
    (
        _nvm,
        "3.0.0",
        {f"{NVM}/lib/node_modules/claude-like": f"{GUEST}/node_modules/claude-like", f"{NVM}/bin/node": NODE},
        {"claude": f"{GUEST}/node_modules/claude-like/cli.js", "node": NODE},
    ),
    (
        _homebrew_cask,
        "2.1.300",
        {"home/linuxbrew/.linuxbrew/Caskroom/claude-code/2.1.300/claude": f"{GUEST}/claude"},
        {"claude": f"{GUEST}/claude"},
    ),
    (_opt, "2.0.1", {"opt/claude-2.0.1/bin/claude": f"{GUEST}/claude"}, {"claude": f"{GUEST}/claude"}),
]


@pytest.mark.parametrize(
    ("layout", "version", "binds", "links"), USABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_program_is_shown_with_no_more_than_it_needs(
    tree: Tree, layout: Callable[[Tree], list[Path]], version: str, binds: dict[str, str], links: dict[str, str]
) -> None:
    path = layout(tree)
    tool, refused = tree.find("claude", *path)
    assert tool is not None
    assert refused == []
    assert tool.version == version
    assert dict(tool.binds) == {str(tree.root / source): target for source, target in binds.items()}
    assert dict(tool.links) == {
        name: str(tree.root / target) if target.startswith("usr/") else target for name, target in links.items()
    }
    assert tool.origin.startswith("host's ")


def test_codex_gets_the_files_beside_it_one_by_one(tree: Tree) -> None:
    tool, _ = tree.find("codex", *_codex_unpacked_over_a_home(tree))
    assert tool is not None
    assert [target for _, target in tool.binds] == [
        f"{GUEST_TOOLS}/codex/{name}" for name in ("bin/codex", "codex-path", "codex-package.json")
    ]
    assert tool.links == (("codex", f"{GUEST_TOOLS}/codex/bin/codex"),)


def test_a_package_brings_what_lies_beside_it_and_no_more(tree: Tree) -> None:
    modules = tree.home / ".bun/install/global/node_modules"
    folder = package(modules, "@us/agent", dependencies={"a": "1", "inner": "1"}, optionalDependencies={"@x/gone": "1"})
    package(modules, "a", dependencies={"@s/b": "*", "@us/agent": "*", "../../.ssh": "*"})
    package(modules, "@s/b")
    package(folder / "node_modules", "inner", dependencies={"outer": "*"})
    package(modules, "outer", peerDependencies={"linked": "*"})
    package(modules, "unrelated")
    link(modules / "linked", tree.home)
    link(tree.home / ".bun/bin/agent", script(folder / "main.js", "#!/usr/bin/env bun"))
    program(tree.home / ".bun/bin/bun")
    tool, _ = tree.find("agent", tree.home / ".bun/bin")
    assert tool is not None
    assert sorted(Path(source).relative_to(tree.home).as_posix() for source, _ in tool.binds) == [
        ".bun/bin/bun",
        *(f".bun/install/global/node_modules/{name}" for name in ("@s/b", "@us/agent", "a", "outer")),
    ]


def _volta(tree: Tree) -> Path:
    link(tree.home / ".volta/bin/claude", program(tree.home / ".volta/bin/volta-shim"))
    return tree.home / ".volta/bin"


def _mise(tree: Tree) -> Path:
    link(tree.home / ".local/share/mise/shims/claude", program(tree.usr / "bin/mise"))
    return tree.home / ".local/share/mise/shims"


def _asdf(tree: Tree) -> Path:
    return script(tree.home / ".asdf/shims/claude", "#!/usr/bin/env bash").parent


def _proto(tree: Tree) -> Path:
    return program(tree.home / ".proto/shims/claude").parent


def _snap(tree: Tree) -> Path:
    link(tree.root / "snap/bin/claude", program(tree.usr / "bin/snap"))
    return tree.root / "snap/bin"


def _shell_wrapper(tree: Tree) -> Path:
    return script(tree.home / ".claude/local/claude", "#!/bin/sh").parent


def _venv(tree: Tree) -> Path:
    return script(tree.home / ".local/bin/claude", f"#!{tree.home}/venv/bin/python").parent


def _stub(tree: Tree) -> Path:
    return script(tree.home / ".npm-global/bin/claude", "echo native program is not installed").parent


def _brewed(tree: Tree) -> Path:
    loader = program(tree.root / "home/linuxbrew/.linuxbrew/lib/ld.so")
    return program(tree.root / "home/linuxbrew/.linuxbrew/bin/claude", loader=str(loader)).parent


def _other_library(tree: Tree) -> Path:
    return program(tree.home / ".local/bin/claude", loader="/lib/ld-of-another-system.so.1").parent


def _linked_checkout(tree: Tree) -> Path:
    folder = package(tree.home / "src", "agent")
    link(tree.home / ".npm-global/lib/node_modules/agent", folder)
    script(folder / "cli.js", "#!/usr/bin/env node")
    link(tree.home / ".npm-global/bin/claude", tree.home / ".npm-global/lib/node_modules/agent/cli.js")
    program(tree.home / ".npm-global/bin/node")
    return tree.home / ".npm-global/bin"


def _without_node(tree: Tree) -> Path:
    folder = package(tree.home / ".npm-global/lib/node_modules", "agent")
    link(tree.home / ".npm-global/bin/claude", script(folder / "cli.js", "#!/usr/bin/env node"))
    return tree.home / ".npm-global/bin"


def _with_a_shim_of_node(tree: Tree) -> Path:
    folder = _without_node(tree)
    link(folder / "node", program(tree.home / ".volta/bin/volta-shim"))
    return folder


def _damaged(tree: Tree) -> Path:
    return placed(tree.home / "bin/claude", b"\x7fELF\x02\x01\x01" + bytes(20)).parent


def _empty(tree: Tree) -> Path:
    return placed(tree.home / "bin/claude", b"").parent


UNUSABLE: list[tuple[Callable[[Tree], Path], str]] = [
    (_volta, "shim of volta-shim"),
    (_mise, "shim of mise"),
    (_asdf, "is a shim"),
    (_proto, "is a shim"),
    (_snap, "shim of snap"),
    (_shell_wrapper, "is a sh script"),
    (_venv, "is a python script"),
    (_stub, "neither a native program nor a script"),
    (_brewed, "linuxbrew/lib/ld.so, which a box does not see"),
    (_other_library, "/lib/ld-of-another-system.so.1, which is not on this host"),
    (_linked_checkout, "outside of any installed package"),
    (_without_node, "needs node: none is on the PATH"),
    (_with_a_shim_of_node, "is a shim of volta-shim"),
    (_damaged, "is a damaged program"),
    (_empty, "neither a native program nor a script"),
]


@pytest.mark.parametrize(("layout", "reason"), UNUSABLE, ids=lambda value: getattr(value, "__name__", ""))
def test_what_cannot_run_in_a_box_says_why_and_the_next_is_taken(
    tree: Tree, layout: Callable[[Tree], Path], reason: str
) -> None:
    folder = layout(tree)
    tool, refused = tree.find("claude", folder)
    assert tool is None
    assert [path for path, _ in refused] == [str(folder / "claude")]
    assert reason in refused[0][1]
    program(tree.usr / "bin/claude")
    tool, again = tree.find("claude", folder, tree.usr / "bin")
    assert again == refused
    assert tool is not None
    assert tool.links == (("claude", str(tree.usr / "bin/claude")),)


def test_what_is_no_program_is_no_candidate(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree.home / "a/claude").mkdir(parents=True)
    link(tree.home / "b/claude", tree.home / "nowhere")
    link(tree.home / "c/claude", tree.home / "c/claude")
    program(tree.home / "d/claude").chmod(0o644)
    program(tree.home / "e/claude")
    monkeypatch.chdir(tree.home / "e")
    folders = [tree.home / name for name in "abcd"]
    assert tree.find("claude", *folders, Path()) == (None, [])
    assert tree.find("claude") == (None, [])
