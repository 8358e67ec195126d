"""`bottle rules`: the names that refusals and silences use, with what each finds."""

import json

from tests.cli.conftest import CommandLine

BOTTLE = """---
agent_provider:
  template: claude
egress:
  routes: []
  dlp:
    rules:
      - name: acme-token
        pattern: 'acme_[a-z0-9]{32}'
        finds: What Acme gives to its customers
    silence:
      - rule: jwt
        host: api.example.com
        path: /upload
      - rule: dlp.acme-token
---
"""


def test_every_rule_is_listed_with_its_family(bottle: CommandLine) -> None:
    told = bottle("rules", "--json")
    rules = {rule["name"]: rule for rule in json.loads(told.out)}
    assert told.status == 0
    assert len(rules) > 1000
    assert {rule["family"] for rule in rules.values()} == {"bottle", "gitleaks", "kingfisher"}
    assert all(rule["finds"] and rule["silent"] == [] for rule in rules.values())


def test_an_agents_bottle_adds_its_own_and_its_silences(bottle: CommandLine) -> None:
    bottle.write("bottles/quiet", BOTTLE)
    bottle.write("agents/speaker", "---\nbottle: quiet\n---\n")
    rules = {rule["name"]: rule for rule in json.loads(bottle("rules", "speaker", "--json").out)}
    assert rules["jwt"]["silent"] == [{"host": "api.example.com", "path": "/upload"}]
    assert rules["acme-token"] == {
        "name": "acme-token",
        "family": "own",
        "finds": "What Acme gives to its customers",
        "silent": [{"host": None, "path": None}],
    }
    lines = bottle("rules", "speaker").out.splitlines()
    assert any(line.split()[:3] == ["acme-token", "own", "everywhere"] for line in lines)
    assert any(line.split()[:3] == ["jwt", "gitleaks", "api.example.com/upload"] for line in lines)


def test_an_agent_that_is_not_there_is_an_error(bottle: CommandLine) -> None:
    assert bottle("rules", "nobody").status == 4
