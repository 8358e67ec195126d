"""What an agent's file may say (MAN-05 to MAN-07)."""

import pytest

from bottle.domain.errors import ManifestError
from bottle.domain.manifest import GitUser

from .conftest import ReadAgent


def refused(agent: ReadAgent, head: str) -> tuple[str, str]:
    with pytest.raises(ManifestError) as caught:
        agent(head)
    return str(caught.value), caught.value.hint or ""


def test_man_05_bottle_skills_identity_and_the_stripped_body_as_prompt(agent: ReadAgent) -> None:
    read = agent("bottle: dev\nskills: [init-prd, a_b.c]\ngit: {user: {name: h, email: h@x}}", "\n\n  Be brief.\n\n")
    assert (read.bottle, read.skills, read.git_user) == ("dev", ("init-prd", "a_b.c"), GitUser("h", "h@x"))
    assert read.prompt == "Be brief."


def test_man_05_an_agent_without_a_bottle_is_refused(agent: ReadAgent) -> None:
    message, hint = refused(agent, "skills: []")
    assert message == "agents/helper.md:2:1: `bottle` is missing"
    assert hint == "write `bottle: claude`"


def test_man_06_a_claude_subagents_own_fields_are_accepted_and_not_used(agent: ReadAgent) -> None:
    fields = "name: Some Name\ndescription: Helps. With things\nmodel: sonnet\ncolor: cyan\nmemory: {any: [thing]}"
    assert agent(f"bottle: dev\n{fields}") == agent("bottle: dev")


def test_man_07_remotes_of_an_agent_are_refused_with_the_reason(agent: ReadAgent) -> None:
    message, hint = refused(agent, "bottle: dev\ngit:\n  remotes: {}")
    assert message == "agents/helper.md:4:3: git.remotes: unknown key"
    assert "remotes belong to the bottle" in hint


@pytest.mark.parametrize("key", ["env", "egress", "agent_provider", "extends", "supervise", "backend", "resources"])
def test_man_07_what_makes_the_walls_is_refused_in_an_agent(agent: ReadAgent, key: str) -> None:
    message, hint = refused(agent, f"bottle: dev\n{key}: x")
    assert message == f"agents/helper.md:3:1: {key}: unknown key"
    assert "belongs to the bottle" in hint


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("bottle: Dev", ":2:9: bottle: 'Dev' is no name"),
        ("bottle: [dev]", ":2:9: bottle: found a list, wanted a text"),
        ("botle: dev", ":2:1: botle: unknown key"),
        ("bottle: dev\nskills: init-prd", ":3:9: skills: found a text, wanted a list of skills"),
        ("bottle: dev\nskills: [../x]", ":3:10: skills[0]: is no skill's name"),
        ("bottle: dev\nskills: [.ssh]", ":3:10: skills[0]: is no skill's name"),
        ("bottle: dev\nskills: [a/b]", ":3:10: skills[0]: is no skill's name"),
        ("bottle: dev\nskills: [a, a]", ":3:13: skills[1]: stands in the list twice"),
        ("bottle: dev\nskills: [null]", ":3:10: skills[0]: found `null`, wanted a text"),
        ("bottle: dev\ngit: {user: {name: [x]}}", ":3:20: git.user.name: found a list, wanted a text"),
    ],
)
def test_broken_agents_are_refused_with_place_and_key(agent: ReadAgent, head: str, says: str) -> None:
    assert refused(agent, head)[0].startswith(f"agents/helper.md{says}")
