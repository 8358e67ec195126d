"""The loop with the real Codex: refused, asks, waits, approved, completes."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from attrs import evolve

from tests.life.agents import PROGRAMS, Stage, offered, stage_of
from tests.support.anthropic_script import Script, Step
from tests.support.box_views import engine
from tests.support.harbour import HARBOUR, agreeing, harbour
from tests.support.namespace_views import namespaces
from tests.support.requirements import require
from tests.support.standin_tls import server_tls
from tests.support.views import Views

pytestmark = pytest.mark.timeout(1800)

PROMPT, ANSWER = "Fetch the harbour list", "three ships"
_ID = re.compile(r'\\*"id\\*": \\*"([a-z0-9]{8})')


@pytest.fixture(scope="module", params=["docker", "bubblewrap"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    require(request.param)
    views: Views | str = {"docker": engine, "bubblewrap": namespaces}[request.param]()
    assert not isinstance(views, str), views
    codex = PROGRAMS["codex"]
    asking = evolve(codex, manifest=codex.manifest.replace("---\n", "---\nsupervise: true\n", 1))
    root = tmp_path_factory.mktemp("codex")
    try:
        with stage_of(asking, views, root) as stage:
            place = stage.world.views.place()
            # Clients go to 127.0.0.1 without a proxy (NO_PROXY); the whole of 127.0.0.0/8 is this host.
            address = "127.0.0.2" if place.connect == "127.0.0.1" else place.connect
            tls = server_tls([address], tmp_path_factory.mktemp("harbour"))
            with harbour(tls, address if address == "127.0.0.2" else place.bind) as port:
                bundle = root / "upstream-ca.pem"
                bundle.write_text(bundle.read_text() + tls.root)
                stage.conversations.scripts = [_script(stage, address, port)]
                yield stage
    finally:
        views.close()


def test_codex_is_refused_asks_waits_and_completes(stage: Stage) -> None:
    with agreeing(stage.world.cli, "--minutes", "5", "--even-so") as answers:
        done = stage.world.cli.run("run", "codex", PROMPT, "--json", *stage.program.words, timeout=300)
    found = json.loads(done.ok().stdout)
    assert found["result"] == ANSWER
    (answered,) = answers
    assert json.loads(answered.ok().stdout)["state"] == "applied"
    assert [result.expected for result in stage.conversations.results] == [True] * 4
    assert (found["egress"]["refused"], stage.api.faults) == (1, [])


def _script(stage: Stage, host: str, port: int) -> Script:
    def asked(before: str) -> Mapping[str, Any]:
        number = _ID.search(before)
        assert number is not None, before
        return {"id": number[1], "seconds": 120}

    def call(tool: str, arguments: Any, wanted: str) -> Step:
        return Step(offered("codex", tool), arguments, lambda text: wanted in text)

    fetch = f"curl -sS -i -m 20 https://{host}:{port}/"
    wish = {"host": host, "port": port, "methods": ["GET"], "why": "the list of ships is there"}
    return Script(
        prompt=PROMPT,
        answer=ANSWER,
        steps=(
            stage.program.run(fetch, lambda text: "host.unlisted" in text),
            call("egress-block", wish, "pending"),
            call("wait", asked, "applied"),
            stage.program.run(fetch, lambda text: HARBOUR.decode() in text),
        ),
    )
