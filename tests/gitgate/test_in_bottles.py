"""The gate beside a real box, on each backend: an agent works with a repository whose key it never sees."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import evolve, frozen

from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.git_results import BundleFiles
from bottle.adapters.git_seeds import HostSeeds
from bottle.app.ports import Backend, Bottle
from bottle.domain.hosts import Authority
from bottle.domain.manifest import PushRules, Remote
from bottle.domain.planning_git import git_settings
from bottle.domain.upstream_proxy import UpstreamProxy
from tests.egress.proxies import PASSWORD, USER, TinyProxy
from tests.support.bottles import (
    PROGRAMS,
    a_cargo,
    a_plan,
    audit_directory,
    bubblewrap_backend,
    docker_backend,
    docker_bridge,
    images_for_tests,
    never,
)
from tests.support.git_client import Git, a_token, bare_repository, holds
from tests.support.requirements import require
from tests.support.sshd import Sshd, sshd

HOST = "git.test"
SECRET = "made-up-credential-4242-zz"


@frozen
class Stage:
    """A bottle that runs, and what its gate has before it."""

    bottle: Bottle
    upstream: Path
    url: str
    audit: Path
    server: Sshd
    backend: Backend

    def sh(self, script: str) -> str:
        done = self.bottle.run(["sh", "-c", f"exec 2>&1; set -e; cd; {script}"], timeout=120)
        return f"{done.stdout.decode(errors='replace')}\nstatus {done.status}"


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One bottle for all tests of a backend."""
    require(request.param)
    with staged(request.param, tmp_path_factory.mktemp(request.param)) as there:
        yield there


@contextmanager
def staged(name: str, folder: Path, proxy: UpstreamProxy | None = None) -> Iterator[Stage]:
    """A bottle with an upstream over SSH and one that stays on this host, until the end of the block."""
    require("/usr/sbin/sshd")
    address = "127.0.0.1" if name == "bubblewrap" else docker_bridge()
    backend: Backend = bubblewrap_backend("tests:gate") if name == "bubblewrap" else docker_backend("tests:gate")
    images = PROGRAMS if name == "bubblewrap" else images_for_tests()
    with sshd(folder / "sshd", address) as server, audit_directory() as audit:
        upstream = bare_repository(folder / "team" / "project.git", {"README": "hello\n"})
        mine = Git.at(folder / "mine")
        mine("clone", "--quiet", str(upstream), ".")
        assert HostSeeds(os.environ).plant(mine.folder, audit) == ""
        rules = PushRules(branches=("agent/**",))
        remote = Remote(server.url(upstream), str(server.key), server.host_key, push=rules)
        local = Remote("local")
        plan = evolve(a_plan(images, files=[]), remotes={HOST: remote, "results": local})
        plan = evolve(plan, backend=backend.name, files=(git_settings(plan.git_identity, plan.remotes),))
        cargo = evolve(
            a_cargo(secrets={"EGRESS_TOKEN_0": SECRET}),
            git_secrets={HOST: server.key.read_text()},
            upstream_proxy=proxy,
        )
        try:
            bottle = backend.launch(plan, cargo, audit, FakeProgress(), never)
            yield Stage(bottle, upstream, remote.upstream, audit, server, backend)
        finally:
            backend.destroy(plan.identity)
        assert plan.identity not in {left.identity for left in backend.leftovers()}


def test_a_clone_and_a_push(stage: Stage) -> None:
    """The agent's own git, with nothing but its settings, gets and gives; the upstream has it when git says so."""
    said = stage.sh(
        f"git clone -q {stage.url} work; cd work; cat README; git switch -q -c agent/one; echo x > x; git add x;"
        "git -c user.name=a -c user.email=a@b commit -q -m one; git push -q origin HEAD; git rev-parse HEAD"
    )
    assert said.endswith("status 0"), said
    commit = said.split()[-3]
    assert holds(stage.upstream, "agent/one")
    assert commit in (stage.upstream / "refs/heads/agent/one").read_text()


def test_a_listing_shows_the_gate(stage: Stage) -> None:
    """`bottle list` names what stands beside the box."""
    (running,) = (each for each in stage.backend.running() if each.identity == stage.bottle.identity)
    assert running.services == ("egress", "git-gate")


def test_the_hosts_own_remote_begins_with_what_the_host_has(stage: Stage) -> None:
    """The gate's user can read the seed, on each backend."""
    said = stage.sh("git clone -q bottle:results seeded; cat seeded/README; git -C seeded branch --show-current")
    assert said.split() == ["hello", "main", "status", "0"], said


def test_an_upstream_behind_a_proxy(tmp_path: Path) -> None:
    """ssh's way through the proxy is a program of the gate's own, which must be found in its sandbox, too."""
    require("bubblewrap")
    require("tinyproxy")
    proxy = TinyProxy(tmp_path, credential=(USER, PASSWORD))
    try:
        way = UpstreamProxy(Authority("127.0.0.1", proxy.port), f"{USER}:{PASSWORD}")
        with staged("bubblewrap", tmp_path, way) as behind:
            said = behind.sh(f"git clone -q {behind.url} work; cat work/README")
            assert said.split() == ["hello", "status", "0"], said
            assert f"CONNECT 127.0.0.1:{behind.server.port}" in proxy.seen()
    finally:
        proxy.close()


def test_a_secret_stays(stage: Stage) -> None:
    """A push that holds one is refused with its place; neither kind of secret reaches the upstream."""
    token = a_token()
    said = stage.sh(
        f"git clone -q {stage.url} leak; cd leak; git switch -q -c agent/leak; echo 'key = {token}' > conf.ini;"
        f"printf {SECRET} | base64 > b64; git add .; git -c user.name=a -c user.email=a@b commit -q -m two;"
        "git push origin HEAD"
    )
    assert "conf.ini:1: rule github-pat" in said
    assert "b64:1: rule withheld-value" in said
    assert "status 1" in said
    assert token not in said.partition("git gate")[2]
    assert not holds(stage.upstream, token)


def test_work_without_a_server_comes_back_as_branches(stage: Stage, tmp_path: Path) -> None:
    """A remote `local`: what was pushed lies on the host, scanned, and a repository takes it."""
    said = stage.sh(
        "git init -q own; cd own; echo y > y; git add y; git -c user.name=a -c user.email=a@b commit -q -m own;"
        "git push -q bottle HEAD:result; git rev-parse HEAD"
    )
    assert said.endswith("status 0"), said
    mine = Git.at(tmp_path / "mine")
    mine("init", "--quiet")
    taken = BundleFiles(os.environ).take(stage.audit, mine.folder, "bottle/probe-00000")
    assert taken == ["bottle/probe-00000/result"]
    assert mine("rev-parse", taken[0]) == said.split()[-3]


def test_the_key_is_nowhere_in_the_box(stage: Stage) -> None:
    """Nothing that the agent can read holds a line of it, and no process shows it."""
    line = stage.server.key.read_text().splitlines()[2]
    places = "/home /tmp /run /etc /var /dev/shm /proc/[0-9]*/environ /proc/[0-9]*/cmdline"
    said = stage.sh(f"grep -rlsaF -- '{line[10:50]}' {places} | grep -v cmdline || true")
    assert said.split() == ["status", "0"], said
