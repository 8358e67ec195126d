"""Providers that somebody else wrote: found in their order, tried out in ten lines, and named where they are wrong."""

import threading
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bottle.adapters.providers import plugins
from bottle.adapters.providers.guarded import GuardedProvider, fault_of, guarded
from bottle.adapters.providers.registry import AllProviders
from bottle.domain.errors import ManifestError, NotFoundError
from bottle.domain.hosts import HostPattern
from bottle.domain.manifest import AgentProvider as Settings
from bottle.domain.manifest import ManifestRoute
from bottle.domain.provider import Provision, Report, Wish
from bottle.domain.provision import Check, GuestDirectory, GuestFile
from bottle.plugin import AgentProvider
from bottle.testing import plan_of

WISH = Wish(Settings("mine"), (), "/home/node", "/home/node", None)
GOOD = """\
from bottle.plugin import AgentProvider, Provision

print("loading")

class Mine(AgentProvider):
    image = "codex"

    def provision(self, wish):
        print("thinking")
        return Provision(argv=("mine", *wish.arguments))
"""


def install(home: Path, text: str, name: str = "mine") -> AllProviders:
    folder = home / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent_provider.py").write_text(text)
    return AllProviders(home)


def body(*lines: str) -> str:
    """A plugin whose provision does this."""
    inside = "\n".join(f"        {line}" for line in lines)
    return (
        "import sys, time\nfrom bottle.plugin import *\n"
        f"class Mine(AgentProvider):\n    def provision(self, wish):\n{inside}\n"
    )


class Tool(AgentProvider):
    """As the author of a plugin writes one."""

    def provision(self, wish: Wish) -> Provision:
        return Provision(argv=("tool", *wish.arguments), env={"TOOL_HOME": wish.home})


def test_an_author_tries_a_plugin_out() -> None:
    plan = plan_of(
        Tool(),
        bottle={"egress": {"routes": [{"host": "api.example", "auth": {"token_ref": "KEY"}}]}},
        arguments=("--fast",),
        secrets=frozenset({"KEY"}),
    )
    assert plan.argv == ("tool", "--fast")
    assert {item.name for item in plan.env if item.source == "provider"} == {"TOOL_HOME"}
    assert plan.missing_secrets == ()


def test_the_operators_own_is_found_and_prints_nothing_on_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provider = install(tmp_path, GOOD).get("mine")
    assert (provider.template, provider.image, provider.dockerfile) == ("mine", "codex", None)
    assert provider.provision(WISH).argv == ("mine",)
    assert capsys.readouterr() == ("", "loading\nthinking\n")


def test_a_dockerfile_beside_it_makes_its_image(tmp_path: Path) -> None:
    providers = install(tmp_path, GOOD)
    (tmp_path / "mine/Dockerfile").write_text("FROM scratch\n")
    assert providers.get("mine").dockerfile == str(tmp_path / "mine/Dockerfile")


def test_the_operators_own_stands_before_bottles(tmp_path: Path) -> None:
    assert install(tmp_path, GOOD, "claude").get("claude").provision(WISH).argv == ("mine",)
    assert AllProviders(tmp_path).get("codex").provision(WISH).argv[0] == "codex"


def test_an_installed_package_brings_one_by_an_entry_point() -> None:
    point = EntryPoint("tool", "tests.providers.test_plugins:Tool", plugins.GROUP)
    provider = plugins.of_package("tool", [point])
    assert provider is not None
    assert provider.provision(WISH).argv == ("tool",)
    assert plugins.of_package("other", [point]) is None


def test_two_packages_that_claim_one_name_are_both_named() -> None:
    points = [EntryPoint("tool", value, plugins.GROUP) for value in ("one:A", "two:B")]
    with pytest.raises(ManifestError, match="two packages bring a provider called 'tool': one:A, two:B"):
        plugins.of_package("tool", points)


@pytest.mark.parametrize("value", ["nowhere_at_all:A", "tests.providers.test_plugins:nothing", "json:dumps"])
def test_an_entry_point_that_leads_nowhere_is_named(value: str) -> None:
    with pytest.raises(ManifestError, match=f"entry point bottle.providers: tool = {value}"):
        plugins.of_package("tool", [EntryPoint("tool", value, plugins.GROUP)])


def test_an_unknown_name_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        install(tmp_path, GOOD, "opencode").get("opncode")
    assert caught.value.hint == "did you mean 'opencode'?"


@pytest.mark.parametrize("name", ["../mine", "..", "a/b", "Mine"])
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    install(tmp_path, GOOD)
    with pytest.raises(NotFoundError):
        AllProviders(tmp_path / "sub").get(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:\n", r"SyntaxError \(line 1\)"),
        ("\n\nraise RuntimeError('hunter2')\n", r"RuntimeError \(line 3\)"),
        ("import nowhere_at_all\n", "ModuleNotFoundError"),
        ("import sys; sys.exit(3)\n", "SystemExit"),
        ("", "no class built on bottle.plugin.AgentProvider"),
        (GOOD + "class Other(AgentProvider): pass\n", "2 classes built on"),
        ("from bottle.plugin import *\nclass Mine(AgentProvider): pass\n", "TypeError"),
        (GOOD.replace("image", "def __init__(self, x): pass\n    image"), "TypeError"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        install(tmp_path, text).get("mine")
    assert str(tmp_path / "mine/agent_provider.py") in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("raise KeyError('hunter2')", r"KeyError \(line 5\)"),
        ("sys.exit()", "SystemExit"),
        ("return None", "a NoneType, not a Provision"),
        ("return {'argv': ['mine']}", "a dict, not a Provision"),
        ("return Provision(argv='mine')", "an argv that is no tuple"),
        ("return Provision(argv=())", "an argv that is no tuple"),
        ("return Provision(argv=('mine', 7))", "an argv that is no tuple"),
        ("return Provision(argv=('mine',), env={'A=B': 'x'})", "an environment entry that is none: 'A=B'"),
        ("return Provision(argv=('mine',), env={'A': 7})", "an environment entry that is none: 'A'"),
        ("return Provision(argv=('mine',), env=7)", "an environment entry that is none"),
        ("return Provision(argv=('mine',), files=(7,))", "something else than a tuple of GuestFile"),
        ("return Provision(argv=('mine',), files=(GuestFile('x', b''),))", "a GuestFile that is none"),
        ("return Provision(argv=('mine',), files=(GuestFile('/x/../etc/y', b''),))", "a GuestFile that is none"),
        ("return Provision(argv=('mine',), files=(GuestFile('/x', 'text'),))", "a GuestFile that is none"),
        ("return Provision(argv=('mine',), routes=('api.example',))", "something else than a tuple of ManifestRoute"),
        ("return Provision(argv=('mine',), routes=(ManifestRoute('api.example'),))", "a ManifestRoute that is none"),
    ],
)
def test_a_plugin_that_fails_or_returns_nonsense_is_named(tmp_path: Path, line: str, message: str) -> None:
    provider = install(tmp_path, body(line)).get("mine")
    with pytest.raises(ManifestError, match=message) as caught:
        provider.provision(WISH)
    assert str(tmp_path / "mine/agent_provider.py") in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_plugins_own_word_to_its_user_comes_through(tmp_path: Path) -> None:
    provider = install(tmp_path, body("raise ManifestError('no model', hint='name one')")).get("mine")
    with pytest.raises(ManifestError, match=r"^no model$") as caught:
        provider.provision(WISH)
    assert caught.value.hint == "name one"


def test_a_plugin_that_hangs_is_named_and_not_waited_for() -> None:
    class Hanging(AgentProvider):
        def provision(self, wish: Wish) -> Provision:
            release.wait(60)
            raise NotImplementedError

    release = threading.Event()
    try:
        with pytest.raises(ManifestError, match=r"hanging\.py: no answer within 0\.05 s"):
            GuardedProvider("mine", "hanging.py", Hanging(), patience=0.05).provision(WISH)
    finally:
        release.set()


def test_what_a_plugin_prints_is_its_result_unless_it_reads_it_itself(tmp_path: Path) -> None:
    assert install(tmp_path, GOOD).get("mine").report(b" done\n") == Report("done")
    reading = GOOD + "\n    def report(self, output):\n        return Report(output.decode(), 'ab-1', 0.5)\n"
    reading = reading.replace("import AgentProvider, Provision", "import AgentProvider, Provision, Report")
    assert install(tmp_path, reading, "own").get("own").report(b"x") == Report("x", "ab-1", 0.5)


def test_a_report_that_is_none_is_told_with_the_plugins_name(tmp_path: Path) -> None:
    provider = install(tmp_path, GOOD + "\n    def report(self, output):\n        return None\n").get("mine")
    with pytest.raises(ManifestError, match=r"mine/agent_provider\.py: report\(\) returned no whole Report"):
        provider.report(b"")


@pytest.mark.parametrize("path", ["/home/node", "/etc/shadow", "/home/node/../root/.ssh", "sessions", "/home/nodes/x"])
def test_a_transcript_lies_below_the_home(path: str) -> None:
    """What it names is taken out of the box and kept on this host."""
    assert "a transcript that is no tuple of paths below /home/node" in str(
        fault_of(Provision(argv=("mine",), transcript=(path,)))
    )


def test_a_whole_provision_has_no_fault() -> None:
    whole = Provision(
        argv=("mine",),
        env={"A": ""},
        hidden_env=frozenset({"A"}),
        directories=(GuestDirectory("/home/node/.mine"),),
        files=(GuestFile("/home/node/.mine/x", b""),),
        routes=(ManifestRoute(HostPattern("api.example")),),
        checks=(Check(("true",), "wrong"),),
    )
    assert fault_of(whole) is None
    assert guarded(lambda: 7, "x") == 7
