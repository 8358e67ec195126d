"""Images on a real engine: what this owner built is found by its label, and nothing else is ever removed."""

import secrets
from collections.abc import Iterator
from io import BytesIO

import docker
import pytest

from bottle.adapters.build_context import PREFIX
from bottle.adapters.docker.names import BUILDER_LABEL
from bottle.domain.errors import NotFoundError
from tests.support import bottles
from tests.support.requirements import require

OWNER = f"tests:unused-{secrets.token_hex(4)}"
MINE, KEPT, THEIRS, OTHER = (f"{PREFIX}unused-{secrets.token_hex(4)}:1" for _ in range(4))


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    require("docker")
    client = docker.from_env()
    labels = {MINE: OWNER, KEPT: OWNER, THEIRS: "somebody:else", OTHER.removeprefix(PREFIX): OWNER}
    for tag, owner in labels.items():
        recipe = f"FROM scratch\nLABEL {BUILDER_LABEL}={owner} tag={tag}\n".encode()
        client.images.build(fileobj=BytesIO(recipe), tag=tag, rm=True)
    yield client
    for tag in labels:
        if any(tag in (image.tags or []) for image in client.images.list()):
            client.images.remove(tag)
    client.close()


def test_what_this_owner_built_and_nobody_uses_is_found_and_removed(client: docker.DockerClient) -> None:
    backend = bottles.docker_backend(OWNER)
    assert backend.unused({KEPT}) == [MINE]
    backend.discard(MINE)
    assert backend.unused(()) == [KEPT]
    for stranger in (THEIRS, OTHER.removeprefix(PREFIX), MINE, "debian:bookworm-slim"):
        with pytest.raises(NotFoundError):
            backend.discard(stranger)
    tags = {tag for image in client.images.list() for tag in image.tags}
    assert {KEPT, THEIRS, OTHER.removeprefix(PREFIX)} <= tags
