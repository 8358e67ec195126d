"""Upstreams behind another proxy: everything goes through it, by name, and nothing around it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from bottle.domain.gitgate_config import GateRemote
from bottle.domain.hosts import Authority
from bottle.domain.manifest import Remote
from bottle.domain.upstream_proxy import UpstreamProxy
from tests.egress.proxies import PASSWORD, USER, Scripted, TinyProxy
from tests.gitgate.conftest import World
from tests.support.git_client import Git, bare_repository
from tests.support.https_forge import https_forge
from tests.support.requirements import require

TOKEN = "made-up-forge-token-77aa-xyz"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyProxy]:
    """The real tinyproxy, which asks who is there."""
    require("tinyproxy")
    running = TinyProxy(tmp_path_factory.mktemp("proxy"), credential=(USER, PASSWORD))
    yield running
    running.close()


def behind(port: int, credential: str = f"{USER}:{PASSWORD}") -> UpstreamProxy:
    return UpstreamProxy(Authority("127.0.0.1", port), credential)


def test_ssh_goes_through_the_proxy(world: World, proxy: TinyProxy) -> None:
    """Clone and push work as ever, and the proxy saw the connections; its password is in no log of the gate's."""
    world.proxy = behind(proxy.port)
    world.start()
    work = world.clone()
    commit = work.commit({"a": "1\n"})
    work("push", "--quiet", "origin", "main")
    assert world.tip() == commit
    assert f"CONNECT {world.server.address}:{world.server.port}" in proxy.seen()
    assert PASSWORD not in str(world.audit)


def test_https_goes_through_the_proxy(world: World, proxy: TinyProxy, tmp_path: Path) -> None:
    """git's own HTTPS asks the proxy with the credential; the forge's token goes to the forge alone."""
    repository = bare_repository(tmp_path / "forge" / "project.git", {"README": "hello\n"})
    Git.at(repository)("config", "http.receivepack", "true")
    with https_forge(tmp_path / "forge", TOKEN) as forge:
        remote = Remote(f"{forge.url}/project.git", token_ref="FORGE_TOKEN")
        world.extra, world.roots = (GateRemote("forge.test", remote, TOKEN),), forge.root
        world.proxy = behind(proxy.port)
        world.start()
        work = world.git()
        work("clone", "--quiet", remote.upstream, ".")
        commit = work.commit({"a": "1\n"})
        work("push", "--quiet", "origin", "main")
        assert Git.at(repository)("rev-parse", "main") == commit
        assert f"CONNECT {forge.url.removeprefix('https://')}" in proxy.seen()


def test_a_proxy_that_refuses_is_told_as_such(world: World, proxy: TinyProxy) -> None:
    """Wrong credentials, nobody there, something else than a proxy: the fetch fails with that reason, never around
    the proxy."""
    silent = Scripted(b"nonsense\r\n\r\n")
    refusing = Scripted(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    said = {
        behind(proxy.port, "sam:wrong"): "wants another credential",
        behind(refusing.port): "refuses the connection (403)",
        behind(silent.port): "does not answer in HTTP",
        behind(1): "is not reached: Connection refused",
    }
    before = world.server.log.count("Connection from")
    for number, (other, reason) in enumerate(said.items()):
        world.proxy = other
        world.start()
        outcome = world.git(f"work-{number}").attempt("ls-remote", world.remote.upstream)
        assert outcome.status != 0
        assert f"the upstream proxy {reason}" in outcome.said
        assert PASSWORD not in outcome.said
    assert world.server.log.count("Connection from") == before
    silent.close()
    refusing.close()


def test_the_machines_own_names_are_judged_here(world: World) -> None:
    """`localhost` of the proxy is nobody's upstream, unless the manifest says so."""
    answering = Scripted(b"HTTP/1.1 200 OK\r\n\r\n")
    world.proxy = behind(answering.port)
    remote = evolve(world.remote, upstream=world.remote.upstream.replace("127.0.0.1", "localhost"))
    world.start(upstream=remote.upstream)
    outcome = world.git().attempt("ls-remote", remote.upstream)
    assert "127.0.0.1 is a loopback address" in outcome.said
    assert answering.heads == []
    answering.close()
