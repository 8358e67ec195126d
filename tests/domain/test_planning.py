"""From manifest to plan: who wins, what is merged, what is said, and that no secret value is ever in it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import asdict, evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from bottle.domain.environment import EnvEntry, HostVariables, Prompted, Verbatim, env_entry
from bottle.domain.errors import ManifestError, NotFoundError
from bottle.domain.headers import PLACEHOLDER
from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.manifest import (
    AgentProvider,
    Auth,
    Git,
    GitUser,
    Manifest,
    ManifestRoute,
    Remote,
)
from bottle.domain.plan import BottlePlan, GitIdentity, PlannedEnv
from bottle.domain.planning import resolve
from bottle.domain.planning_git import quoted
from bottle.domain.provider import Provision, Wish
from bottle.domain.provision import GUEST_HOME, GUEST_WORKSPACE, PROMPT_FILE, GuestFile, HostTree
from bottle.domain.toolchain import own_env
from bottle.domain.workspace import Workspace
from tests.support.plans import AGENT, BOTTLE, FACTS, REQUEST, StubProvider, plan, route


def env_of(found: BottlePlan) -> dict[str, PlannedEnv]:
    return {item.name: item for item in found.env}


def file_of(found: BottlePlan, path: str) -> GuestFile:
    (file,) = (file for file in found.files if file.path == path)
    return file


@pytest.mark.parametrize(("supervise", "url"), [(None, ""), (False, ""), (True, "http://supervise:9100/")])
def test_where_to_ask_is_told_where_somebody_answers(supervise: bool | None, url: str) -> None:
    """Over plain HTTP, which never leaves the box's own network; without the opt-in there is no server."""
    told: list[str] = []

    class Listening(StubProvider):
        def provision(self, wish: Wish) -> Provision:
            told.append(wish.supervise_url)
            return super().provision(wish)

    found = resolve(REQUEST, _manifest(supervise), Listening(), FACTS)
    assert (told, found.supervise) == ([url], bool(supervise))


def _manifest(supervise: bool | None) -> Manifest:
    return Manifest({BOTTLE.name: evolve(BOTTLE, supervise=supervise)}, {AGENT.name: AGENT})


# --- environment ---


def test_the_manifest_wins_over_the_provider_and_this_over_bottle() -> None:
    provides = Provision(("agent",), env={"A": "provider", "B": "provider", "SSL_CERT_FILE": "/provider"})
    env = env_of(plan(bottle={"env": {"A": Verbatim("manifest"), "HTTP_PROXY": Verbatim("")}}, provides=provides))
    assert env["A"] == PlannedEnv("A", "manifest", Verbatim("manifest"))
    assert env["B"] == PlannedEnv("B", "provider", Verbatim("provider"))
    assert env["SSL_CERT_FILE"] == PlannedEnv("SSL_CERT_FILE", "provider", Verbatim("/provider"))
    assert env["HTTP_PROXY"] == PlannedEnv("HTTP_PROXY", "manifest", Verbatim(""))
    assert env["https_proxy"] == PlannedEnv("https_proxy", "bottle", Verbatim("http://egress:8888"))


def test_every_box_is_told_the_way_out_and_the_roots_to_trust() -> None:
    own = own_env(Authority("2001:db8::1", 3128))
    assert own["HTTPS_PROXY"] == own["http_proxy"] == "http://[2001:db8::1]:3128"
    assert {"localhost", "127.0.0.1", "supervise"} <= set(own["NO_PROXY"].split(","))
    assert own["NODE_EXTRA_CA_CERTS"] == own["SSL_CERT_FILE"] == own["REQUESTS_CA_BUNDLE"]
    assert env_of(plan()).keys() == own.keys()


@pytest.mark.parametrize(("text", "source"), [("plain", "manifest"), ("${STAGING}/x", "host"), ("?prompt", "prompt")])
def test_an_entry_says_where_its_value_comes_from(text: str, source: str) -> None:
    entry = env_entry(text)
    assert env_of(plan(bottle={"env": {"A": entry}}))["A"] == PlannedEnv("A", source, entry)  # type: ignore[arg-type]


def test_placeholders_are_hidden_unless_the_manifest_sets_them() -> None:
    provides = Provision(("agent",), env={"TOKEN": "placeholder", "OTHER": "x"}, hidden_env=frozenset({"TOKEN"}))
    assert env_of(plan(provides=provides))["TOKEN"].hidden
    assert not env_of(plan(provides=provides))["OTHER"].hidden
    mine = env_of(plan(provides=provides, bottle={"env": {"TOKEN": Verbatim("mine")}}))
    assert mine["TOKEN"] == PlannedEnv("TOKEN", "manifest", Verbatim("mine"))


def test_the_environment_is_sorted_by_name() -> None:
    found = plan(bottle={"env": {"b": Verbatim(""), "A": Verbatim("")}})
    assert [item.name for item in found.env] == sorted(item.name for item in found.env)


def test_a_credential_that_is_withheld_is_not_handed_in_by_the_environment() -> None:
    with pytest.raises(ManifestError, match=r"TOKEN would carry SECRET into the box, the credential that api\.test"):
        plan(bottle={"env": {"TOKEN": env_entry("x${SECRET}")}, "routes": (route(token_ref="SECRET"),)})
    provides = Provision(("agent",), routes=(route(token_ref="SECRET"),))
    with pytest.raises(ManifestError):
        plan(bottle={"env": {"TOKEN": env_entry("${SECRET}")}}, provides=provides)
    plan(bottle={"env": {"SECRET": Verbatim("x"), "B": env_entry("${OTHER}")}, "routes": (route(token_ref="SECRET"),)})


# --- git identity ---


@pytest.mark.parametrize(
    ("agent", "bottle", "wanted"),
    [
        (GitUser(), GitUser(), GitIdentity()),
        (GitUser("a", "a@x"), GitUser("b", "b@x"), GitIdentity("a", "a@x", "agent", "agent")),
        (GitUser("a"), GitUser("b", "b@x"), GitIdentity("a", "b@x", "agent", "bottle")),
        (GitUser(), GitUser("b", "b@x"), GitIdentity("b", "b@x", "bottle", "bottle")),
        (GitUser("", "a@x"), GitUser(), GitIdentity("", "a@x", "", "agent")),
    ],
)
def test_the_agents_git_identity_wins_field_by_field(agent: GitUser, bottle: GitUser, wanted: GitIdentity) -> None:
    assert plan(agent={"git_user": agent}, bottle={"git": Git(user=bottle)}).git_identity == wanted


def test_nobody_has_no_gitconfig() -> None:
    assert f"{GUEST_HOME}/.gitconfig" not in [file.path for file in plan().files]


@pytest.mark.parametrize(
    "name",
    ["sam", 'a "b" \\ c', "tab\there", "line\nend", "# no comment", "; nor this", " spaces ", "ümläut", "[x]", "\\"],
)
def test_git_reads_the_identity_as_it_was_written(tmp_path: Path, name: str) -> None:
    found = plan(agent={"git_user": GitUser(name, "sam@example.org")})
    config = tmp_path / "config"
    config.write_bytes(file_of(found, f"{GUEST_HOME}/.gitconfig").content)
    for key, wanted in (("user.name", name), ("user.email", "sam@example.org")):
        command = ["git", "config", "--file", str(config), "--null", "--get", key]
        assert subprocess.run(command, capture_output=True, check=True).stdout == wanted.encode() + b"\0"


def test_a_quoted_value_is_one_line() -> None:
    assert quoted('a\n"b"\\\t') == '"a\\n\\"b\\"\\\\\\t"'


# --- files, trees, place of work ---


@pytest.mark.parametrize("prompt", ["", "Be brief.\nAnd kind: ü"])
def test_the_prompt_is_always_there_and_private(prompt: str) -> None:
    file = file_of(plan(agent={"prompt": prompt}), PROMPT_FILE)
    assert (file.content.decode(), file.mode, file.owner.uid) == (prompt, 0o600, 1000)


def test_the_provider_is_told_everything_it_may_know() -> None:
    asked: list[Wish] = []

    class Curious(StubProvider):
        def provision(self, wish: Wish) -> Provision:
            asked.append(wish)
            return super().provision(wish)

    request = evolve(REQUEST, label="l", color="red", remote_control=True, arguments=("-p",), cwd="/src", copy_cwd=True)
    routes = (route(),)
    manifest = Manifest({"dev": evolve(BOTTLE, routes=routes)}, {"helper": evolve(AGENT, prompt="hi")})
    found = resolve(request, manifest, Curious(), FACTS)
    settings = AgentProvider("test")
    assert asked == [Wish(settings, routes, GUEST_HOME, GUEST_WORKSPACE, PROMPT_FILE, "l", "red", True, ("-p",))]
    assert found.argv == ("agent", "-p")


def test_a_task_without_a_terminal_needs_a_program_that_says_how() -> None:
    with pytest.raises(ManifestError, match="does not say how it works without a terminal"):
        plan(request=evolve(REQUEST, headless=True))


def test_without_a_prompt_no_path_is_told() -> None:
    asked: list[Wish] = []

    class Curious(StubProvider):
        def provision(self, wish: Wish) -> Provision:
            asked.append(wish)
            return super().provision(wish)

    resolve(REQUEST, Manifest({"dev": BOTTLE}, {"helper": AGENT}), Curious(), FACTS)
    assert asked[0].prompt_path is None


def test_the_working_tree_is_copied_only_when_asked() -> None:
    tree = HostTree("/src/project", GUEST_WORKSPACE, entries=("a",), size=1)
    workspace = Workspace(tree, ("a file stays behind",))
    found = plan(request=evolve(REQUEST, cwd="/src/project", copy_cwd=True, workspace=workspace))
    assert (found.workdir, found.cwd, found.trees) == (GUEST_WORKSPACE, "/src/project", (tree,))
    assert "workspace: a file stays behind" in found.notes
    found = plan(request=evolve(REQUEST, cwd="/src/project", copy_cwd=False))
    assert (found.workdir, found.cwd, found.trees) == (GUEST_HOME, "", ())


def test_skills_are_copied_by_name() -> None:
    found = plan(agent={"skills": ("one", "two")})
    assert found.skills == ("one", "two")
    assert found.trees == tuple(
        HostTree(f"/home/sam/.claude/skills/{name}", f"{GUEST_HOME}/.claude/skills/{name}") for name in ("one", "two")
    )


# --- what is said, and what is refused ---


def test_notes_are_the_backends() -> None:
    served = {"git": Git(remotes={"git.test": Remote("ssh://git@git.test/x")}), "supervise": True}
    assert plan(bottle=served, notes=("no gVisor here",)).notes == ("no gVisor here",)


def test_an_unknown_agent_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="'helpr'"):
        plan(request=evolve(REQUEST, agent="helpr"))


def test_an_agent_without_its_bottle_is_a_broken_manifest() -> None:
    with pytest.raises(ManifestError, match="'dve'"):
        plan(agent={"bottle": "dve"})


# --- properties ---

NAMES = st.sampled_from(["ALPHA", "BETA", "GAMMA", "DELTA"])
VALUES: Mapping[str, str] = {name: f"s3cr3t-of-{name.lower()}" for name in ("ALPHA", "BETA", "GAMMA", "DELTA")}
ENTRIES: st.SearchStrategy[EnvEntry] = st.one_of(
    st.just(Prompted()), NAMES.map(lambda name: HostVariables(f"x${{{name}}}", (name,))), st.text().map(Verbatim)
)
ROUTES = st.lists(st.builds(route, st.sampled_from(["a.test", "b.test", "*.c.test"]), st.none() | NAMES), max_size=5)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["A", "B", "C"]), ENTRIES), ROUTES, ROUTES, st.sets(NAMES))
def test_a_plan_names_secrets_and_never_holds_one(
    env: dict[str, EnvEntry], listed: list[ManifestRoute], offered: list[ManifestRoute], present: set[str]
) -> None:
    host = {name: VALUES[name] for name in present}
    bottle = {"env": env, "routes": tuple(listed)}
    provides = Provision(("agent",), routes=tuple(offered))
    try:
        found = plan(bottle=bottle, provides=provides, secrets=frozenset(host))
    except ManifestError:
        handed_in = {name for entry in env.values() if isinstance(entry, HostVariables) for name in entry.names}
        assert handed_in & {item.auth.token_ref for item in (*listed, *offered) if item.auth}
        return
    said = repr(asdict(found))
    assert not [value for value in VALUES.values() if value in said]
    assert {slot.token_ref for slot in found.slots if slot.available} <= present
    assert set(found.missing_secrets).isdisjoint(present)
    assert len({slot.name for slot in found.slots}) == len({slot.token_ref for slot in found.slots})
    assert found == plan(bottle=bottle, provides=provides, secrets=frozenset(host))


def test_gh_is_given_a_placeholder_where_its_host_has_a_credential() -> None:
    """It would send nothing without one; a host that has none must not seem to have one."""
    github = HostPattern("api.github.com")
    assert "GH_TOKEN" not in env_of(plan(bottle={"routes": (ManifestRoute(github),)}))
    given = plan(bottle={"routes": (ManifestRoute(github, auth=Auth("GITHUB")),)})
    assert env_of(given)["GH_TOKEN"] == PlannedEnv("GH_TOKEN", "bottle", Verbatim(PLACEHOLDER))
    mine = plan(bottle={"routes": (ManifestRoute(github, auth=Auth("GITHUB")),), "env": {"GH_TOKEN": Verbatim("x")}})
    assert env_of(mine)["GH_TOKEN"].source == "manifest"
