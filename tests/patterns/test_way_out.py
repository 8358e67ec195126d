"""The way out with secret patterns: what it refuses, where it is told to be silent, and what it does not start with."""

import base64
import json
import random
from pathlib import Path
from typing import Any

import pytest

from bottle.domain.headers import PLACEHOLDER
from tests.egress.conftest import MakeOrigin, MakeSidecar
from tests.egress.harness import Origin, Sidecar, curl, route
from tests.patterns.tokens import drawn

HOST = "api.example.com"
URL = f"https://{HOST}/v1"
TOKEN = drawn("ghp_{b62:36}", random.Random(31))
OTHER = drawn("acme-{hex:24}", random.Random(32))
EVERYBODYS = ("github-pat", "kingfisher.github.2", "bottle.named-key", "bottle.named-secret")


@pytest.fixture
def origin(make_origin: MakeOrigin) -> Origin:
    made: Origin = make_origin(HOST)
    return made


@pytest.fixture
def sidecar(make_sidecar: MakeSidecar, origin: Origin, compiled: Path) -> Sidecar:
    made: Sidecar = make_sidecar([route(HOST, origin)], patterns=str(compiled))
    return made


@pytest.mark.parametrize(
    "request_of",
    [
        ["-d", json.dumps({"text": f"it is {TOKEN} as you see"}), URL],
        ["-H", f"X-Note: {TOKEN}", URL],
        [f"{URL}?q={TOKEN}"],
    ],
)
def test_what_looks_like_a_secret_is_refused_by_its_rule(
    request_of: list[str], sidecar: Sidecar, origin: Origin
) -> None:
    told = json.loads(curl(sidecar, *request_of).stdout)
    line = sidecar.wait_for_trail(1)[-1]
    assert (line["status"], line["rule"]) == (403, told["rule"])
    assert told["rule"] in {f"dlp.{name}" for name in EVERYBODYS}
    assert told["fingerprint"]
    assert origin.received == []
    assert TOKEN[-12:] not in sidecar.everything_said() + json.dumps(told)


def test_what_stands_in_for_a_credential_is_removed_and_not_refused(sidecar: Sidecar, origin: Origin) -> None:
    """Some agents want a login that looks like one; the header that carries it never leaves. Whatever else an agent
    puts there is refused, so that it hears of it."""
    given = f"{_jwt_part({'alg': 'RS256'})}.{_jwt_part({'sub': TOKEN, 'exp': 4102444800})}.{PLACEHOLDER}"
    assert (
        curl(sidecar, "-H", f"Authorization: Bearer {given}", "-H", f"X-Api-Key: {PLACEHOLDER}", URL).stdout == b"hello"
    )
    assert PLACEHOLDER.encode() not in origin.received[0].raw
    for header in (f"Authorization: Bearer {TOKEN}", f"X-Api-Key: {TOKEN}"):
        assert (
            json.loads(curl(sidecar, "-H", header, URL).stdout)["place"] == f"the header {header.split(':')[0].lower()}"
        )
    assert json.loads(curl(sidecar, "-u", f"me:{TOKEN}", URL).stdout)["place"] == "the header authorization"
    assert len(origin.received) == 1


def _jwt_part(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


def test_a_rule_is_silent_where_the_operator_says_so(sidecar: Sidecar, origin: Origin) -> None:
    """And nowhere else: neither on another path, nor for what was found clean before it was loud again."""
    silences = [{"rule": name, "host": HOST, "path": "/v1/upload"} for name in EVERYBODYS]
    assert _reload(sidecar, origin, {"silences": silences})["event"] == "ready"
    assert _send(sidecar, f"{URL}/upload/x", TOKEN) == "hello"
    assert "dlp." in _send(sidecar, f"{URL}/uploads", TOKEN)
    assert _reload(sidecar, origin, {}, version=3)["event"] == "ready"
    assert "dlp." in _send(sidecar, f"{URL}/upload/x", TOKEN)
    assert [received.target for received in origin.received] == ["/v1/upload/x"]


def test_a_rule_of_the_operators_own_counts(sidecar: Sidecar, origin: Origin) -> None:
    assert _send(sidecar, URL, OTHER) == "hello"
    assert _reload(sidecar, origin, {"rules": [{"name": "acme", "pattern": "acme-[0-9a-f]{24}"}]})["event"] == "ready"
    assert '"dlp.acme"' in _send(sidecar, URL, OTHER)


def test_what_was_approved_passes_and_nothing_else_does(sidecar: Sidecar, origin: Origin) -> None:
    """By its bytes: no other secret of the same rule does, nor this one in other company; and only while approved."""
    marks = {_told(sidecar, TOKEN)["fingerprint"]}
    while _reload(sidecar, origin, {"approved": sorted(marks)}, version=len(marks) + 1)["event"] == "ready":
        said = _told(sidecar, TOKEN)
        if not said or said["fingerprint"] in marks:
            break
        marks.add(said["fingerprint"])
    assert [received.body for received in origin.received] == [TOKEN.encode()]
    assert _told(sidecar, TOKEN[:-4] + "0000")["fingerprint"] not in marks
    assert _told(sidecar, f"{TOKEN} {OTHER} {drawn('ghp_{b62:36}', random.Random(33))}")["rule"].startswith("dlp.")
    assert _reload(sidecar, origin, {}, version=9)["event"] == "ready"
    assert _told(sidecar, TOKEN)["fingerprint"] in marks


def test_a_registered_value_is_not_to_be_approved(make_sidecar: MakeSidecar, origin: Origin) -> None:
    sidecar = make_sidecar([route(HOST, origin)], given={"OTHER": OTHER})
    mark = _told(sidecar, OTHER)["fingerprint"]
    assert _reload(sidecar, origin, {"approved": [mark]})["event"] == "ready"
    assert _told(sidecar, OTHER)["rule"] == "dlp.value"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"rules": [{"name": "acme", "pattern": "("}]}, "'acme' has a pattern that is none"),
    ({"rules": [{"name": "jwt", "pattern": "x"}]}, "a rule 'jwt' already"),
    ({"silences": [{"rule": "github-patt"}]}, "did you mean 'github-pat'?"),
]


@pytest.mark.parametrize(("scanning", "said"), WRONG)
def test_settings_that_mean_nothing_are_refused_and_the_old_ones_stay(
    sidecar: Sidecar, origin: Origin, scanning: dict[str, Any], said: str
) -> None:
    answer = _reload(sidecar, origin, scanning)
    assert (answer["event"], said in answer["reason"]) == ("rejected", True), answer
    assert "dlp." in _send(sidecar, URL, TOKEN)


def test_content_made_of_candidates_is_refused_and_not_passed_over(sidecar: Sidecar, origin: Origin) -> None:
    """Enough of what nearly is a secret would hide a real one from a scanner that stops looking."""
    told = _send(sidecar, URL, '"key": "file_1_of_20", ' * 4000 + TOKEN)
    assert '"dlp.unreadable"' in told
    assert origin.received == []


@pytest.mark.parametrize("spoiled", ["absent", "damaged"])
def test_it_does_not_start_without_the_rules_that_it_is_to_have(
    spoiled: str, make_sidecar: MakeSidecar, compiled: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "patterns"
    if spoiled == "damaged":
        folder.mkdir()
        for file in compiled.iterdir():
            (folder / file.name).write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(AssertionError, match="rejected"):
        make_sidecar([], patterns=str(folder))


def _told(sidecar: Sidecar, text: str) -> dict[str, Any]:
    """The refusal of a request with this text; empty where it passed."""
    said = _send(sidecar, URL, text)
    told: dict[str, Any] = {} if said == "hello" else json.loads(said)
    return told


def _send(sidecar: Sidecar, url: str, text: str) -> str:
    return curl(sidecar, "--data-binary", f"@{_file(sidecar, text)}", url).stdout.decode()


def _file(sidecar: Sidecar, text: str) -> Path:
    path = sidecar.directory / "body"
    path.write_text(text)
    return path


def _reload(sidecar: Sidecar, origin: Origin, scanning: dict[str, Any], version: int = 2) -> dict[str, Any]:
    return sidecar.tell({"policy": {"version": version, "routes": [route(HOST, origin)], "scanning": scanning}})
