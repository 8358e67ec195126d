"""The way from this host to what is fetched."""

from collections.abc import Callable, Mapping

from attrs import field, frozen


@frozen
class Line:
    """How this host reaches the outside. `environ` is read for the proxy variables alone; what `roots`
    reads (PEM) is trusted beside the system's. A silence of `timeout` seconds ends an attempt; `pauses` lie between
    attempts."""

    environ: Mapping[str, str] = field(factory=dict, repr=False)
    roots: Callable[[], bytes] = field(default=bytes, repr=False)
    timeout: float = 30.0
    pauses: tuple[float, ...] = (1.0, 4.0)
