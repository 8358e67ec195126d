"""How bottles overlay one another (MAN-08, MAN-14 to MAN-16) and how plain values make a manifest (MAN-20)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.adapters.manifests.structure import manifest_from_data
from bottle.domain.errors import ManifestError, NotFoundError
from bottle.domain.manifest import Bottle, EffectiveBottle, GitUser, Resources, Verbatim, overlay

from .strategies import bottles

SSH = {"Upstream": "ssh://git@h.example/a.git"}


def merged(parent: dict[str, Any], child: dict[str, Any]) -> EffectiveBottle:
    base = {"agent_provider": {"template": "claude"}, **parent}
    data = {"bottles": {"base": base, "child": {"extends": "base", **child}}, "agents": {"a": {"bottle": "child"}}}
    return manifest_from_data(data).bottle_for("a")


def refused(bottles: dict[str, Any], agents: dict[str, Any] | None = None) -> tuple[str, str]:
    with pytest.raises(ManifestError) as caught:
        manifest_from_data({"bottles": bottles, "agents": agents or {}})
    return str(caught.value), caught.value.hint or ""


def test_man_14_env_merges_by_name_and_the_child_wins() -> None:
    env = merged({"env": {"A": "1", "B": "1"}}, {"env": {"B": "2", "C": "2"}}).env
    assert env == {"A": Verbatim("1"), "B": Verbatim("2"), "C": Verbatim("2")}


def test_man_14_git_user_merges_by_field_and_an_empty_one_falls_through() -> None:
    parent = {"git": {"user": {"name": "sam", "email": "sam@example.org"}}}
    assert merged(parent, {"git": {"user": {"name": "kim", "email": ""}}}).git_user == GitUser("kim", "sam@example.org")
    assert merged(parent, {}).git_user == GitUser("sam", "sam@example.org")


@pytest.mark.parametrize(
    ("child", "hosts"),
    [
        ({}, {"a.example", "b.example"}),
        ({"git": {"user": {"name": "x"}}}, {"a.example", "b.example"}),
        ({"git": {"remotes": {}}}, set()),
        ({"git": {"remotes": {"c.example": SSH}}}, {"a.example", "b.example", "c.example"}),
    ],
)
def test_man_14_remotes_merge_by_host_an_empty_mapping_clears_and_silence_inherits(
    child: dict[str, Any], hosts: set[str]
) -> None:
    parent = {"git": {"remotes": {"a.example": SSH, "b.example": SSH}}}
    assert set(merged(parent, child).remotes) == hosts


def test_man_14_a_childs_remote_replaces_the_parents_of_that_host_whole() -> None:
    parent = {"git": {"remotes": {"a.example": {**SSH, "IdentityFile": "~/.ssh/id"}}}}
    child = {"git": {"remotes": {"a.example": {"Upstream": "ssh://git@h.example/other.git"}}}}
    remote = merged(parent, child).remotes["a.example"]
    assert (remote.upstream, remote.identity_file) == ("ssh://git@h.example/other.git", None)


def test_man_14_provider_egress_supervise_backend_and_resources_are_replaced_whole() -> None:
    parent = {
        "agent_provider": {"template": "claude", "auth_token": "T"},
        "egress": {"routes": [{"host": "a.example"}]},
        "supervise": True,
        "backend": "docker",
        "resources": {"pids": 99},
    }
    child = {
        "agent_provider": {"template": "claude"},
        "egress": {"routes": [{"host": "b.example"}]},
        "supervise": False,
        "backend": "bubblewrap",
        "resources": {"cpus": 1},
    }
    inherited, replaced = merged(parent, {}), merged(parent, child)
    assert (inherited.agent_provider.auth_token, replaced.agent_provider.auth_token) == ("T", None)
    assert [route.host.text for route in inherited.routes] == ["a.example"]
    assert [route.host.text for route in replaced.routes] == ["b.example"]
    assert (inherited.supervise, replaced.supervise) == (True, False)
    assert (inherited.backend, replaced.backend) == ("docker", "bubblewrap")
    assert (inherited.resources, replaced.resources) == (Resources(pids=99), Resources(cpus=1))


def test_man_16_a_chain_is_as_long_as_it_needs_to_be() -> None:
    names = [f"b{number}" for number in range(50)]
    data: dict[str, Any] = {name: {"extends": parent} for name, parent in zip(names[1:], names[:-1], strict=True)}
    data["b0"] = {"agent_provider": {"template": "claude"}}
    manifest = manifest_from_data({"bottles": data, "agents": {"a": {"bottle": "b49"}}})
    assert manifest.bottle_for("a").chain == tuple(reversed(names))


@pytest.mark.parametrize(
    ("links", "circle"),
    [
        ({"a": "a"}, "a -> a"),
        ({"a": "b", "b": "a"}, "a -> b -> a"),
        ({"a": "b", "b": "c", "c": "b"}, "a -> b -> c -> b"),
    ],
)
def test_man_15_circles_die_with_their_course(links: dict[str, str], circle: str) -> None:
    message, hint = refused({name: {"extends": parent} for name, parent in links.items()})
    assert message.endswith(f": extends: the chain runs in a circle ({circle})")
    assert hint


def test_man_15_a_parent_that_is_not_there_dies_with_the_nearest_name() -> None:
    message, hint = refused({"claude": {}, "dev": {"extends": "cluade"}})
    assert message.endswith("extends: no bottle is called 'cluade'")
    assert hint == "did you mean 'claude'?"


def test_man_05_an_agents_bottle_must_be_there() -> None:
    message, hint = refused({"dev": {}}, {"a": {"bottle": "dve"}})
    assert message.endswith("bottle: no bottle is called 'dve'")
    assert hint == "did you mean 'dev'?"


def test_a_chain_without_a_provider_is_refused_for_an_agent_alone() -> None:
    assert manifest_from_data({"bottles": {"base": {}}}).bottles
    message, hint = refused({"base": {}}, {"a": {"bottle": "base"}})
    assert "agent_provider: neither the bottle nor what it extends names one" in message
    assert "template" in hint


def test_man_20_plain_values_make_the_manifest_that_files_make() -> None:
    data = {
        "bottles": {"dev": {"agent_provider": {"template": "claude"}, "env": {"PORT": 8080, "ON": True}}},
        "agents": {"helper": {"bottle": "dev", "prompt": "  Be brief.\n"}},
    }
    manifest = manifest_from_data(data)
    assert manifest.agents["helper"].prompt == "Be brief."
    assert manifest.bottle_for("helper").env == {"PORT": Verbatim("8080"), "ON": Verbatim("true")}
    with pytest.raises(NotFoundError) as caught:
        manifest.bottle_for("helpr")
    assert caught.value.hint == "did you mean 'helper'?"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"bottels": {}}, "manifest: bottels: unknown key"),
        ({"bottles": []}, "manifest: bottles: found a list, wanted a mapping"),
        ({"bottles": {"Dev": {}}}, "manifest: bottles.Dev: is no name"),
        ({"bottles": {"dev": {"egres": 1}}}, "manifest: bottles.dev.egres: unknown key"),
        ({"bottles": {"dev": None}}, "manifest: bottles.dev: found `null`, wanted a mapping"),
        ({"bottles": {"dev": {"supervise": object()}}}, "manifest: bottles.dev.supervise: a value of type object"),
        ({"bottles": {"dev": {7: 1}}}, "manifest: bottles.dev: a key is not a text"),
        ({"bottles": {"dev": {"resources": {"cpus": float("inf")}}}}, "a value of type float"),
        ({"agents": {"a": {"bottle": "dev", "prompt": 7}}}, "manifest: agents.a.prompt: found the number 7"),
    ],
)
def test_man_20_plain_values_are_held_to_the_same_rules(data: dict[str, Any], says: str) -> None:
    with pytest.raises(ManifestError) as caught:
        manifest_from_data(data)
    assert says in str(caught.value)


@given(bottles(), bottles(), bottles())
def test_man_14_overlaying_is_associative(first: Bottle, second: Bottle, third: Bottle) -> None:
    """All but the remotes, whose `{}` clears what lies below: a chain is read from its root."""
    one, other = overlay(overlay(first, second), third), overlay(first, overlay(second, third))
    assert one.env == other.env
    assert one.git.user == other.git.user
    assert (one.routes, one.agent_provider) == (other.routes, other.agent_provider)
    assert (one.supervise, one.backend, one.resources) == (other.supervise, other.backend, other.resources)


@given(bottles())
def test_man_14_an_empty_child_changes_nothing(parent: Bottle) -> None:
    assert overlay(parent, Bottle(parent.name, parent.source)) == parent


@given(bottles(), bottles())
def test_man_14_what_the_child_says_stands(parent: Bottle, child: Bottle) -> None:
    both = overlay(parent, child)
    assert child.env.items() <= both.env.items()
    assert set(both.env) == set(parent.env) | set(child.env)
    assert child.routes is None or both.routes == child.routes
    assert not child.git.remotes or child.git.remotes.items() <= (both.git.remotes or {}).items()


@given(st.data())
def test_man_14_overlaying_itself_changes_nothing(data: st.DataObject) -> None:
    one = data.draw(bottles())
    assert overlay(one, one) == one
