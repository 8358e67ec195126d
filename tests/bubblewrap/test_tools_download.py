"""Fetching an agent program: what passes is tried again, what does not says what helps, the hash must be right."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from bottle.adapters.bubblewrap.line import Line
from bottle.adapters.bubblewrap.managed import REGISTRY, Shelf, install, registry_of
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.errors import ProvisionError
from tests.support.package_registry import (
    QUICK,
    Registry,
    archive,
    hung_up,
    left,
    member,
    release,
    serving,
    status,
    truncated,
)
from tests.support.standin_tls import server_tls


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving(Registry()) as served:
        yield served


@pytest.mark.parametrize("trouble", [status(503), status(429), truncated, hung_up])
def test_what_passes_is_tried_again(
    registry: Registry, tmp_path: Path, trouble: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    registry.first = [trouble, trouble]
    shelf = Shelf(tmp_path / "tools", registry.url, QUICK)
    progress = FakeProgress()
    install(release(), shelf, progress)
    assert len(registry.asked) == 3
    assert sum("trying again" in line for line in progress.details) == 2


@pytest.mark.parametrize(
    ("trouble", "said", "times"),
    [(status(503), "answers 503", 3), (status(404), "answers 404", 1), (truncated, "ended after 5000 of", 3)],
)
def test_what_does_not_pass_says_what_to_do(
    registry: Registry, tmp_path: Path, trouble: Callable[[BaseHTTPRequestHandler], None], said: str, times: int
) -> None:
    registry.first = [trouble] * 3
    shelf = Shelf(tmp_path / "tools", registry.url, QUICK)
    with pytest.raises(ProvisionError, match=said) as caught:
        install(release(), shelf, FakeProgress())
    assert f"{registry.url}/agent/-/agent-1.0.0.tgz" in str(caught.value)
    assert "install the program on this host by hand" in (caught.value.hint or "")
    assert len(registry.asked) == times
    assert left(shelf) == [".lock"]


def test_another_hash_is_refused(registry: Registry, tmp_path: Path) -> None:
    registry.archive = archive(member("package/bin/agent", b"evil"))
    shelf = Shelf(tmp_path / "tools", registry.url, QUICK)
    with pytest.raises(ProvisionError, match="is not what bottle expects"):
        install(release(), shelf, FakeProgress())
    assert len(registry.asked) == 1
    assert left(shelf) == [".lock"]


def test_offline_names_the_address(tmp_path: Path) -> None:
    with serving(Registry()) as gone:
        pass
    shelf = Shelf(tmp_path / "tools", gone.url, QUICK)
    with pytest.raises(ProvisionError, match=r"127\.0\.0\.1.*cannot be fetched.*refused") as caught:
        install(release(), shelf, FakeProgress())
    assert "must reach 127.0.0.1 once" in (caught.value.hint or "")


@pytest.mark.parametrize("url", ["file:///etc", "ftp://127.0.0.1", "", "registry.example"])
def test_only_the_web_is_asked(tmp_path: Path, url: str) -> None:
    with pytest.raises(ProvisionError, match="no address of the web"):
        install(release(), Shelf(tmp_path, url, QUICK), FakeProgress())


def test_a_redirection_leads_nowhere_else(registry: Registry, tmp_path: Path) -> None:
    def to_a_file(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("location", "file:///etc/passwd")
        request.end_headers()

    registry.first = [to_a_file] * 3
    with pytest.raises(ProvisionError):
        install(release(), Shelf(tmp_path, registry.url, QUICK), FakeProgress())


def test_tls_is_checked_and_more_roots_can_be_named(tmp_path: Path) -> None:
    tls = server_tls(["127.0.0.1", "localhost"], tmp_path)
    with serving(Registry(), tls.context) as served:
        url = served.url.replace("127.0.0.1", "localhost")
        with pytest.raises(ProvisionError, match="certificate is not trusted") as caught:
            install(release(), Shelf(tmp_path / "tools", url, QUICK), FakeProgress())
        assert "BOT_BOTTLE_BUILD_CA" in (caught.value.hint or "")
        line = Line(roots=tls.root.encode, timeout=5, pauses=())
        install(release(), Shelf(tmp_path / "tools", url, line), FakeProgress())


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_the_hosts_proxy_is_used(registry: Registry, tmp_path: Path, name: str) -> None:
    def shelf(**more: str) -> Shelf:
        line = Line({name: registry.url, **more}, timeout=5, pauses=())
        return Shelf(tmp_path / "tools", "http://registry.invalid", line)

    with pytest.raises(ProvisionError):
        install(release(), shelf(no_proxy="localhost,.invalid"), FakeProgress())
    assert registry.asked == []
    install(release(), shelf(NO_PROXY="other.example"), FakeProgress())
    assert registry.asked == ["http://registry.invalid/agent/-/agent-1.0.0.tgz"]


def test_the_registry_is_npms_own_setting(tmp_path: Path) -> None:
    assert registry_of({}, tmp_path) == REGISTRY
    lines = (
        "//npm.example/:_authToken=secret\n; registry=no\nregistry-x=no\nregistry = https://me:secret@npm.example/a/\n"
    )
    (tmp_path / ".npmrc").write_text(lines)
    assert registry_of({}, tmp_path) == "https://npm.example/a/"
    assert registry_of({"npm_config_registry": "https://other.example"}, tmp_path) == "https://other.example"
