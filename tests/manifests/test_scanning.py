"""`egress.dlp`: the operator's own rules, and where a rule is silent; read as strictly as everything else."""

import pytest

from bottle.adapters.manifests.structure import manifest_from_data
from bottle.domain.dlp.document import read_scanning, scanning_document
from bottle.domain.dlp.settings import OwnRule, Scanning, Silence
from bottle.domain.egress import Policy
from bottle.domain.errors import ManifestError
from bottle.domain.hosts import HostPattern
from bottle.domain.strict_json import ConfigError
from bottle.domain.supervise import Grants
from bottle.domain.targets import parse_target

PROVIDER = {"template": "claude"}
DLP = {
    "rules": [{"name": "acme", "pattern": "acme_[a-z0-9]{32}", "finds": "Acme", "keywords": ["ACME"], "entropy": 3.5}],
    "silence": [{"rule": "kingfisher.aws.2", "host": "api.example.com", "path": "/upload"}, {"rule": "jwt"}],
    "approved": ["5a0c1be2f49d7783"],
}
SCANNING = Scanning(
    (OwnRule("acme", "acme_[a-z0-9]{32}", "Acme", ("acme",), 3.5),),
    (Silence("kingfisher.aws.2", HostPattern("api.example.com"), "/upload"), Silence("jwt")),
    ("5a0c1be2f49d7783",),
)


def test_rules_and_silences_are_read() -> None:
    assert _scanning({"claude": _bottle(DLP)}, "claude") == SCANNING


def test_nothing_said_is_nothing_changed() -> None:
    assert _scanning({"claude": _bottle(None)}, "claude") == Scanning()


def test_what_a_bottle_says_takes_the_place_of_its_parents() -> None:
    """As its routes do; and what it does not say stays."""
    bottles = {
        "claude": _bottle(DLP),
        "quiet": {"extends": "claude", "egress": {"routes": []}},
        "loud": {"extends": "claude", "egress": {"routes": [], "dlp": {"silence": [{"rule": "jwt"}]}}},
    }
    assert _scanning(bottles, "quiet") == SCANNING
    assert _scanning(bottles, "loud") == Scanning(silences=(Silence("jwt"),))


WRONG = [
    ({"rule": []}, "did you mean 'rules'"),
    ({"rules": [{"name": "x"}]}, "pattern"),
    ({"rules": [{"name": "X Y", "pattern": "a"}]}, "name"),
    ({"rules": [{"name": "x", "pattern": "a"}, {"name": "x", "pattern": "b"}]}, "two rules are called 'x'"),
    ({"rules": [{"name": "x", "pattern": "a", "entropy": 9}]}, "no entropy"),
    ({"rules": [{"name": "x", "pattern": "a", "entropy": True}]}, "number"),
    ({"rules": [{"name": "x", "pattern": "a", "keywords": []}]}, "empty list"),
    ({"silence": [{"host": "a.example"}]}, "rule"),
    ({"silence": [{"rule": "*"}]}, "no rule's name"),
    ({"silence": [{"rule": "jwt", "host": "*.co.uk"}]}, "anybody can have a name"),
    ({"silence": [{"rule": "jwt", "path": "upload"}]}, "starts with `/`"),
    ({"silence": [{"rule": "jwt"}, {"rule": "jwt"}]}, "twice"),
    ({"approved": ["5a0c1be2"]}, "no fingerprint"),
    ({"approved": ["5a0c1be2f49d7783", "5a0c1be2f49d7783"]}, "twice"),
    ({"silences": []}, "did you mean 'silence'"),
]


@pytest.mark.parametrize(("dlp", "said"), WRONG)
def test_what_could_mean_something_else_is_refused(dlp: dict[str, object], said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        _scanning({"claude": _bottle(dlp)}, "claude")
    assert said in f"{caught.value} {caught.value.hint}".replace("`rules`", "'rules'").replace("`silence`", "'silence'")


@pytest.mark.parametrize(
    ("host", "path", "silent"),
    [
        ("api.example.com", "/upload", {"kingfisher.aws.2", "jwt"}),
        ("api.example.com", "/upload/x?y=1", {"kingfisher.aws.2", "jwt"}),
        ("api.example.com", "/uploads", {"jwt"}),
        ("api.example.com", "/upload%2e%2e", {"jwt"}),
        ("www.example.com", "/upload", {"jwt"}),
    ],
)
def test_a_rule_is_silent_where_that_was_said_and_nowhere_else(host: str, path: str, silent: set[str]) -> None:
    assert SCANNING.silent(host, parse_target(path)) == silent


def test_the_way_out_reads_what_it_is_told() -> None:
    assert read_scanning(scanning_document(SCANNING), "scanning") == SCANNING
    assert read_scanning({}, "scanning") == Scanning()


@pytest.mark.parametrize(
    "document",
    [
        {"rule": []},
        {"rules": [{"name": "x"}]},
        {"rules": [{"name": "x", "pattern": ""}]},
        {"rules": [{"name": "x", "pattern": "a", "entropie": 3}]},
        {"silences": [{"rule": "jwt", "hosts": []}]},
        {"rules": [{"name": "x", "pattern": "a", "entropy": "3"}]},
        {"silences": [{"rule": "*"}]},
        {"silences": [{"rule": "jwt", "host": "Example.com"}]},
        {"silences": [{"rule": "jwt", "path": "upload"}]},
        {"approved": ["*"]},
    ],
)
def test_it_refuses_all_else(document: object) -> None:
    with pytest.raises(ConfigError):
        read_scanning(document, "scanning")


def test_what_is_not_said_of_a_rule_asks_for_nothing() -> None:
    bare = OwnRule("acme", "acme_[a-z0-9]{32}")
    assert (bare.finds, bare.keywords, bare.entropy) == ("", (), 0.0)
    assert read_scanning({"rules": [{"name": "acme", "pattern": bare.pattern}]}, "scanning") == Scanning((bare,))
    assert (Silence("jwt").host, Silence("jwt").path) == (None, "")


def test_a_fingerprint_that_is_none_is_called_so() -> None:
    with pytest.raises(ConfigError, match="fingerprint"):
        read_scanning({"approved": ["*"]}, "scanning")


def test_an_approval_joins_those_before_it_once() -> None:
    more = SCANNING.approving("00112233aabbccdd").approving("00112233aabbccdd")
    assert more == Scanning(SCANNING.rules, SCANNING.silences, ("5a0c1be2f49d7783", "00112233aabbccdd"))


def test_what_is_granted_to_a_stuck_agent_leaves_the_rules_as_they_are() -> None:
    """An approval sends a new policy, and what the operator looks for must go with it."""
    assert Grants(Policy(scanning=SCANNING)).policy(0.0).scanning == SCANNING


def _bottle(dlp: object) -> dict[str, object]:
    egress = {"routes": []} if dlp is None else {"routes": [], "dlp": dlp}
    return {"agent_provider": PROVIDER, "egress": egress}


def _scanning(bottles: dict[str, object], name: str) -> Scanning:
    data = {"bottles": bottles, "agents": {"coder": {"bottle": name}}}
    return manifest_from_data(data).bottle_for("coder").scanning
