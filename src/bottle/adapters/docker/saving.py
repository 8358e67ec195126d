"""An image as a file's content, for those who make something else of it than containers.

What is made on the way is labelled as a bottle's things are, under an identity of its own: what a killed process leaves
is found by that, and removed.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from attrs import field, frozen

from bottle.adapters.build_context import PREFIX
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.failures import GoneError
from bottle.adapters.docker.furnish import Bundles
from bottle.adapters.docker.names import Names, Owned
from bottle.domain.names import SUFFIX_ALPHABET, SUFFIX_LENGTH, identity_of
from bottle.domain.state import Leftover

_AGENT: Final = "saving"  # no bottle's: its identity is claimed nowhere
_REPOSITORY: Final = f"{PREFIX}machine"
ROLE: Final = "saving"


@frozen
class Saved:
    """What `docker save` writes, and the authorities that the image trusts (PEM)."""

    chunks: Iterator[bytes]
    roots: bytes = field(repr=False)


@contextmanager
def saved(engine: Engine, bundles: Bundles, tag: str, changes: Sequence[str], owner: str) -> Iterator[Saved]:
    """The image `tag` with these instructions of a Dockerfile. Raises BackendError."""
    identity = identity_of(_AGENT, "".join(secrets.choice(SUFFIX_ALPHABET) for _ in range(SUFFIX_LENGTH)))
    name = f"{_REPOSITORY}:{identity}"
    with ExitStack() as stack:
        labels = Owned(owner, identity).labels(ROLE)  # which an image has of its container
        body = {"Image": tag, "NetworkDisabled": True, "Labels": labels}
        container = engine.create_container(Names(identity).box, body)
        with ExitStack() as meanwhile:
            meanwhile.callback(engine.remove_container, container)
            roots = bundles.of(engine, str(engine.inspect(container)["Image"]), container)
            engine.commit(container, name, changes)
            stack.callback(engine.remove_tag, name)
        yield Saved(engine.saved(name), roots)


def is_ours(identity: str) -> bool:
    """Whether it is of something on the way, and of no bottle."""
    return identity.startswith(f"{_AGENT}-")


def leftovers(engine: Engine, owner: str) -> Sequence[Leftover]:
    """The images; containers are listed with all others."""
    found = [tag for tag in engine.image_tags(Owned(owner).filters()) if tag.startswith(f"{_REPOSITORY}:")]
    return [Leftover(tag.rpartition(":")[2], "image", tag) for tag in found]


def remove(engine: Engine, owner: str, identity: str) -> None:
    """May be repeated. Raises BackendError."""
    for left in leftovers(engine, owner):
        if left.identity == identity:
            try:
                engine.remove_tag(left.name)
            except GoneError:
                pass
