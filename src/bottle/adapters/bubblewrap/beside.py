"""A program beside the box: its sandbox, and what the keeper is told of it."""

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from bottle.adapters.bubblewrap import interpreter, sandbox
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.ground import Ground

MEBIBYTE = 1024**2


@frozen
class Beside:
    """What sets one such program apart from the others.

    `number` is whom it runs as in there, `parts` the folders of `sidecars` that it sees (its own first), `packages` the
    Python packages, `calls` the filter of its system calls; `sees` are further words of bwrap's, `given` files with
    their content, by path.
    """

    name: str
    number: int
    parts: Sequence[str]
    packages: Sequence[str]
    calls: bytes = field(repr=False)
    sees: Sequence[str] = ()
    given: Mapping[str, bytes] = field(factory=dict, repr=False)
    variables: Mapping[str, str] = field(factory=dict)
    scratch: int = 16 * MEBIBYTE
    has_network: bool = True

    def told(self, document: object, door: int, ground: Ground, held: Descriptors) -> dict[str, object]:
        """What the keeper is told; `door` is the descriptor over which the box's init hands the socket to listen on."""
        info = held.placeholder()
        calls = held.content("seccomp", self.calls)
        given = {path: held.content("given", content) for path, content in self.given.items()}
        arguments = held.content("arguments", sandbox.packed(self._arguments(info, calls, given)))
        module = f"sidecars.{self.parts[0]}.main"
        return {
            "name": self.name,
            "argv": [ground.bwrap, "--args", str(arguments), "--", *interpreter.command(module)],
            "descriptors": [info, calls, arguments, door, *given.values()],
            "info": info,
            "environment": {},
            "document": document,
        }

    def _arguments(self, info: int, calls: int, given: Mapping[str, int]) -> list[str]:
        return [
            *sandbox.ALONE,
            *(() if self.has_network else sandbox.NO_NETWORK),
            *("--uid", str(self.number), "--gid", str(self.number), "--hostname", self.name),
            *("--info-fd", str(info), "--seccomp", str(calls)),
            *sandbox.system(),
            *sandbox.binds(interpreter.binds(*self.parts, packages=self.packages)),
            *sandbox.covered(interpreter.hidden()),
            *sandbox.processes(),
            *("--dev", "/dev"),
            *sandbox.scratch("/tmp", self.scratch, 0o700),  # noqa: S108 - inside the sandbox
            *self.sees,
            *sandbox.contents(given),
            *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"),
            *sandbox.variables({**interpreter.environment(), "LANG": "C.UTF-8", **self.variables}),
        ]
