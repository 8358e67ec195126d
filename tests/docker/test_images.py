"""Images are built from digests, with nothing left of a build that failed or of a stage that was thrown away."""

import os
import shlex
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest

from bottle.adapters import build_context
from bottle.adapters.docker.backend import DockerBackend
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.errors import ManifestError, NotFoundError, ProvisionError
from bottle.domain.plan import Image
from bottle.domain.provider import Provision, Report, Wish, plain_report
from tests.support import bottles
from tests.support.boxes import wait_until
from tests.support.requirements import require, required
from tests.support.standin_tls import server_tls


class AProvider:
    template = "mine"
    image = "claude"
    dockerfile: str | None = None

    def provision(self, wish: Wish) -> Provision:
        raise NotImplementedError

    def report(self, output: bytes) -> Report:
        return plain_report(output)


@contextmanager
def _client() -> Iterator[Any]:
    client = docker.APIClient()
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def backend() -> DockerBackend:
    require("docker")
    bottles.images_for_tests()
    return bottles.docker_backend("images")


def _recipe(tmp_path: Path, text: str) -> Path:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "Dockerfile").write_text(text)
    return tmp_path / "Dockerfile"


MARK = f"mark-{os.getpid()}"
"""Stands in each recipe's commands: others may build on this engine at the same time."""


def _left() -> list[str]:
    """Images without a name and containers that have to do with this file's recipes."""
    with _client() as client:
        unnamed = [image["Id"] for image in client.images(filters={"dangling": True})]
        ours = [
            image for image in unnamed if any(MARK in (step["CreatedBy"] or "") for step in _history(client, image))
        ]
        return ours + [item["Id"] for item in client.containers(all=True, trunc=False) if MARK in item["Command"]]


def _history(client: Any, image: str) -> list[dict[str, Any]]:
    try:
        return list(client.history(image))
    except docker.errors.NotFound:
        return []


def test_a_manifests_dockerfile_is_built_and_named_by_its_content(backend: DockerBackend, tmp_path: Path) -> None:
    recipe = _recipe(
        tmp_path,
        f"FROM debian:bookworm-slim AS away\nRUN echo {MARK} > /x\nFROM debian:bookworm-slim\nCOPY --from=away /x /x\n",
    )
    image, _ = backend.images(AProvider(), str(recipe))
    assert image.tag.startswith("bot-bottle-mine:")
    assert image.recipe == str(recipe)
    progress = FakeProgress()
    try:
        backend.build(image, progress)
        assert list(backend.missing([image])) == []
        assert any("COPY" in line for line in progress.details)
        assert _left() == []
    finally:
        with _client() as client:
            client.remove_image(image.tag)


def test_a_build_that_fails_shows_its_last_lines_and_leaves_nothing(backend: DockerBackend, tmp_path: Path) -> None:
    text = f"FROM debian:bookworm-slim\nRUN echo {MARK} > /y\nRUN echo {MARK}; echo the reason is this; exit 7\n"
    image, _ = backend.images(AProvider(), str(_recipe(tmp_path, text)))
    with pytest.raises(ProvisionError) as caught:
        backend.build(image, FakeProgress())
    assert "status 7" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "the reason is this" in (caught.value.hint or "")
    assert _left() == []
    assert list(backend.missing([image])) == [image]


def test_a_base_image_that_nobody_has_is_an_error(backend: DockerBackend, tmp_path: Path) -> None:
    image, _ = backend.images(AProvider(), str(_recipe(tmp_path, "FROM bot-bottle.invalid/nobody:1\n")))
    with pytest.raises(ProvisionError):
        backend.build(image, FakeProgress())


def test_an_interrupted_build_leaves_nothing(backend: DockerBackend, tmp_path: Path) -> None:
    class Interrupting(FakeProgress):
        def detail(self, text: str) -> None:
            if "Step 3" in text:
                raise KeyboardInterrupt

    text = f"FROM debian:bookworm-slim\nRUN echo {MARK} > /z\nRUN sleep 30; echo {MARK}\n"
    image, _ = backend.images(AProvider(), str(_recipe(tmp_path, text)))
    with pytest.raises(KeyboardInterrupt):
        backend.build(image, Interrupting())
    wait_until(lambda: _left() == [], 60, "the engine goes on building")


@pytest.mark.parametrize(
    ("manifests", "plugins", "taken"),
    [("mine", "plugin", "mine"), (None, "plugin", "plugin"), ("mine", None, "mine"), (None, None, None)],
)
def test_a_manifests_recipe_goes_before_a_plugins_and_this_before_bottles_own(
    tmp_path: Path, manifests: str | None, plugins: str | None, taken: str | None
) -> None:
    recipes = {name: str(_recipe(tmp_path / name, f"FROM scratch\n# {name}\n")) for name in ("mine", "plugin")}
    provider = AProvider()
    provider.dockerfile = recipes[plugins] if plugins else None
    backend = DockerBackend(owner="images", environ=os.environ, home=tmp_path)
    image, _ = backend.images(provider, recipes[manifests] if manifests else None)
    assert image.recipe == (recipes[taken] if taken else build_context.own("claude").image.recipe)


def test_every_agents_image_stands_on_one_layer() -> None:
    """An engine makes it once where it is the same word for word: half a minute and 250 MB for each further agent."""
    recipes = [build_context.sources() / "images" / name for name in ("claude", "codex")]
    recipes.append(build_context.sources() / "examples/plugins/opencode")
    texts = [(recipe / "Dockerfile").read_text() for recipe in recipes]
    layers = {text[text.index("FROM ${NODE_IMAGE}\nARG") : text.index("RUN install")] for text in texts}
    assert len(layers) == 1
    assert "build-essential" in layers.pop()


_LOOKED_FOR = """
test "$(id -un):$HOME" = node:/home/node && test -w ~/.claude/skills && claude_or_codex --version
for each in curl gcc git jq make openssl python3 rg runuser update-ca-certificates
do command -v $each >/dev/null || echo no $each; done
"""


@pytest.mark.parametrize("name", ["claude", "codex"])
def test_an_agents_image_holds_its_program_and_what_agents_work_with(backend: DockerBackend, name: str) -> None:
    image = backend._known(build_context.own(name))
    try:
        for missing in backend.missing([image]):
            backend.build(missing, FakeProgress())
    except ProvisionError as error:
        if name in required():
            raise
        pytest.skip(f"the agent's program cannot be had here: {error}")
    script = _LOOKED_FOR.replace("claude_or_codex", name)
    with _client() as client:
        box = client.create_container(image.tag, ["sh", "-c", script], network_disabled=True)
        try:
            client.start(box)
            assert client.wait(box, timeout=60)["StatusCode"] == 0
            said = client.logs(box).decode()
        finally:
            client.remove_container(box, force=True)
    assert image.release in said
    assert "no " not in said


def test_the_image_that_the_environment_names_is_taken_as_it_is(tmp_path: Path) -> None:
    backend = DockerBackend(owner="images", environ=os.environ, home=tmp_path, image="mine:latest")
    image, _ = backend.images(AProvider(), None)
    assert image == Image("mine:latest", None)


def test_the_same_content_has_the_same_tag_and_other_content_another(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, "FROM scratch\n")
    first = build_context.custom("mine", recipe).image.tag
    assert build_context.custom("mine", recipe).image.tag == first
    (tmp_path / "program").write_text("#!/bin/sh\n")
    second = build_context.custom("mine", recipe).image.tag
    (tmp_path / "program").chmod(0o755)
    third = build_context.custom("mine", recipe).image.tag
    assert len({first, second, third}) == 3


def test_what_a_dockerignore_leaves_out_makes_no_difference(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, "FROM scratch\n")
    (tmp_path / ".dockerignore").write_text("# built things\nnode_modules\n*.log\n")
    first = build_context.custom("mine", recipe)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/huge").write_text("x")
    (tmp_path / "a.log").write_text("x")
    second = build_context.custom("mine", recipe)
    assert second.image == first.image
    assert not {"a.log", "node_modules/huge"} & set(second.files)


def test_a_dockerfile_that_cannot_be_read_is_the_manifests_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        build_context.custom("mine", tmp_path / "absent/Dockerfile")


def test_an_image_that_bottle_does_not_have_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="no image called 'nothing'"):
        build_context.own("nothing")


def test_the_sidecars_context_is_its_folder_the_domain_and_the_programs_and_nothing_else() -> None:
    files = set(build_context.own("sidecar").files)
    assert {"Dockerfile", "requirements.txt", "bottle/__init__.py", "sidecars/egress/main.py"} <= files
    assert "bottle/domain/egress.py" in files
    roots = {path.split("/")[0] for path in files}
    assert roots == {"Dockerfile", "requirements.txt", "rules.txt", "bottle", "sidecars"}
    assert {path.split("/")[1] for path in files if path.startswith("bottle/")} == {"__init__.py", "domain"}
    assert not any("__pycache__" in path for path in files)


def test_a_container_of_a_built_image_is_nobodys_bottle(backend: DockerBackend) -> None:
    """A container has its image's labels: one that somebody runs from a bottle's image is not the owner's to remove."""
    box, _ = bottles.images_for_tests()
    with _client() as client:
        container = client.create_container(box.tag, ["true"], labels={"bot-bottle.owner": "images"})
        try:
            assert not backend.leftovers()
            assert not backend.running()
        finally:
            client.remove_container(container)


def test_what_is_added_to_an_image_trusts_the_builds_roots_and_the_image_does_not(tmp_path: Path) -> None:
    """As behind a proxy that looks into TLS: packages that an agent was granted come through it."""
    require("docker")
    bridge = bottles.docker_bridge()
    tls = server_tls([bridge], tmp_path)
    backend = bottles.docker_backend("images", build_ca=tls.root.encode)
    base, _ = bottles.images_for_tests()
    with _web(bridge, tls.context) as url:
        fetching = f"from urllib.request import urlopen; urlopen({url!r})"
        image = backend.extended(base, (f"RUN curl -sSf {url} && python3 -c {shlex.quote(fetching)} && : {MARK}",))
        backend.build(image, FakeProgress())
    with _client() as client:
        try:
            told = client.inspect_image(image.tag)["Config"]
            assert (told["Env"], told["User"]) == (client.inspect_image(base.tag)["Config"]["Env"], "node")
            box = client.create_container(image.tag, ["true"])
            try:
                with pytest.raises(docker.errors.NotFound, match="build-roots"):
                    client.get_archive(box, "/etc/build-roots.pem")
            finally:
                client.remove_container(box)
        finally:
            client.remove_image(image.tag)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("sed -i s/^node:x:1000:/node:x:0:/ /etc/passwd", "is root"),
        ("sed -i /^node:/d /etc/passwd", "has no user `node`"),
    ],
)
def test_an_image_whose_agent_would_be_root_is_not_started(backend: DockerBackend, change: str, reason: str) -> None:
    """What an agent was granted is built as root, and writes the list of users from which the engine takes numbers."""
    box, sidecar = bottles.images_for_tests()
    image = backend.extended(box, (f"RUN {change} # {MARK}",))
    backend.build(image, FakeProgress())
    try:
        plan = bottles.a_plan((image, sidecar))
        with pytest.raises(ProvisionError, match=reason), bottles.launched(backend, plan):
            pass
        assert list(backend.leftovers()) == []
    finally:
        with _client() as client:
            client.remove_image(image.tag)


class _Welcome(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def _web(address: str, context: ssl.SSLContext) -> Iterator[str]:
    with ThreadingHTTPServer((address, 0), _Welcome) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"https://{address}:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
