"""What tells every Java in the box where the way out is: Java looks at no `HTTPS_PROXY`, but at a file of its own.

`JAVA_TOOL_OPTIONS` would do as well, and print a line on standard error at each start of a Java.
"""

from pathlib import Path

from bottle.adapters.bubblewrap.java_places import found
from bottle.domain.hosts import Authority

_NAMES = ("conf/net.properties", "lib/net.properties")  # since Java 9, and Java 8


def settings(proxy: Authority, root: Path = Path("/")) -> dict[str, bytes]:
    """Each Java's own network settings, by their path in the box, with the way out at the end, where it wins."""
    places = [place for name in _NAMES for place in found(name, root)]
    return {place: _read(root / place[1:]) + _way_out(proxy) for place in places}


def _way_out(proxy: Authority) -> bytes:
    lines = [
        f"{scheme}.{key}"
        for scheme in ("http", "https")
        for key in (f"proxyHost={proxy.host}", f"proxyPort={proxy.port}")
    ]
    return "\n".join(["", *lines, "http.nonProxyHosts=localhost|127.*|[::1]|git-gate|supervise", ""]).encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
