"""The audit of pins says only what it knows: a release that nobody looked at is no sound one."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from attrs import define, field

from scripts import audit
from tests.support.requirements import require
from tests.support.standin_tls import server_tls

SOUND = {"name": "attrs", "version": "26.1.0", "vulns": []}
HOLED = {"name": "lxml", "version": "6.1.3", "vulns": [{"id": "PYSEC-1", "fix_versions": ["6.2"]}]}
UNKNOWN = {"name": "six", "skip_reason": "not found: six"}


@pytest.mark.parametrize(
    ("releases", "status", "said"),
    [
        ([SOUND], 0, "1 of 1 pinned releases audited, known holes: 0"),
        ([SOUND, UNKNOWN], 1, "not audited  not found: six"),
        ([UNKNOWN], 1, "0 of 1 pinned releases audited"),
        ([SOUND, HOLED], 1, "vulnerable   lxml 6.1.3: PYSEC-1, mended in 6.2"),
        ([], 1, "0 of 0 pinned releases audited"),
    ],
    ids=["sound", "one unknown", "none known", "holed", "nothing pinned"],
)
def test_good_is_only_what_was_looked_at(
    releases: audit.Releases, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.told(releases) == status
    assert said in capsys.readouterr().out


def test_all_that_is_locked_is_audited() -> None:
    """A lock that nobody asks about is a lock that nobody raises."""
    locks, images = (audit.ROOT / "requirements").glob("*.txt"), (audit.ROOT / "images").glob("*/*.txt")
    assert sorted(audit.PINNED) == sorted([*locks, *images])


@define
class Service:
    """A stand-in of PyPI behind a proxy and TLS: what its clients trust, and the holes that it knows, by name."""

    proxy: str
    trust: Path
    known: dict[str, list[str]] = field(factory=dict)

    def environment(self, home: Path) -> dict[str, str]:
        """For a client without a cache."""
        service = {"HTTPS_PROXY": self.proxy, "REQUESTS_CA_BUNDLE": str(self.trust)}
        return {"HOME": str(home), "PIP_NO_CACHE_DIR": "1", **service}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    tls = server_tls(["pypi.org"], tmp_path)
    trust = tmp_path / "root.pem"
    trust.write_text(tls.root)
    known: dict[str, list[str]] = {}

    class Proxy(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.connection = tls.context.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
            self.close_connection = False

        def do_GET(self) -> None:
            name = self.path.split("/")[2]
            holes = [{"id": each, "aliases": [], "fixed_in": [], "details": ""} for each in known.get(name, [])]
            body = json.dumps({"vulnerabilities": holes}).encode()
            self.send_response(200 if name in known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Service(f"http://127.0.0.1:{server.server_port}", trust, known)
    finally:
        server.shutdown()
        server.server_close()


def main(*options: str) -> object:
    """The exit status, or the words with which it failed."""
    with pytest.raises(SystemExit) as ended:
        audit.main(options)
    return ended.value.code


def test_where_nobody_answers_it_is_a_failure_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "answers", lambda: False)
    assert (main(), main("--tell")) == (3, 0)


def test_the_real_auditor_beside_a_service(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    require("pip-audit")
    pinned = tmp_path / "pinned.txt"
    pinned.write_text("".join(f"{name} --hash=sha256:{'0' * 64}\n" for name in ("attrs==26.1.0", "six==1.17.0")))
    monkeypatch.setattr(audit, "PINNED", (pinned,))
    for name, value in service.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    assert not audit.answers(), "it knows nothing"
    service.known.update({"pip": [], "attrs": ["PYSEC-1"]})
    assert main("--tell") == 1, "a service that answers and knows little is no reason to be content"
    unknown, *rest = capsys.readouterr().out.splitlines()
    assert unknown.startswith("not audited  ")
    assert "six" in unknown
    assert rest == [
        "vulnerable   attrs 26.1.0: PYSEC-1, mended in no release",
        "1 of 2 pinned releases audited, known holes: 1",
    ]
    monkeypatch.setattr(audit, "answers", lambda: True)
    pinned.write_text("attrs>=26\n")
    assert "the audit failed" in str(main("--tell")), "a pin that cannot be read is not one that nobody answers for"
