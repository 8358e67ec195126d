"""An image as a file's content, for those who make something else of it than containers."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from attrs import field, frozen

from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.furnish import Bundles


@frozen
class Saved:
    """What `docker save` writes, and the authorities that the image trusts (PEM)."""

    chunks: Iterator[bytes]
    roots: bytes = field(repr=False)


@contextmanager
def saved(engine: Engine, bundles: Bundles, tag: str, changes: Sequence[str], name: str) -> Iterator[Saved]:
    """The image `tag` with these instructions of a Dockerfile. It is called `name` meanwhile, and so is a container.

    Raises BackendError.
    """
    with ExitStack() as stack:
        container = engine.create_container(name.replace(":", "-"), {"Image": tag, "NetworkDisabled": True})
        stack.callback(engine.remove_container, container)
        roots = bundles.of(engine, str(engine.inspect(container)["Image"]), container)
        engine.commit(container, name, changes)
        stack.callback(engine.remove_tag, name)
        yield Saved(engine.saved(name), roots)
