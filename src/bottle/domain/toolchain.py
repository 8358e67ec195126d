"""What the tools in a box are told of the way out and of the roots to trust, so that no agent has to tell them.

Most read variables; some read nothing but a file of their own. That each is content is shown by running it
(tests/egress/test_real_clients.py).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from bottle.domain.headers import PLACEHOLDER
from bottle.domain.hosts import Authority
from bottle.domain.provision import CA_BUNDLE, GUEST_HOME, JAVA_STORE, GuestDirectory, GuestFile

_DIRECT: Final = ("localhost", "127.0.0.1", "git-gate", "supervise")
"""What lies within the box's own network."""
_ROOTS: Final = (
    *("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT"),
    "CARGO_HTTP_CAINFO",
)
_INSISTS: Final = {"api.github.com": "GH_TOKEN"}
"""Hosts whose own program asks for a login before it sends anything, and where it looks for a credential."""
_APT_SETTINGS: Final = f"{GUEST_HOME}/.config/apt.conf"
_APT_STATE: Final = f"{GUEST_HOME}/.local/state/apt"
_APT_CACHE: Final = f"{GUEST_HOME}/.cache/apt"


def own_env(proxy: Authority) -> dict[str, str]:
    """What every box is told by variables. Lower case too: curl reads `http_proxy` alone."""
    url = f"http://{proxy}"
    return {
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), url),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(_DIRECT)),
        **dict.fromkeys(_ROOTS, CA_BUNDLE),
        "NODE_USE_ENV_PROXY": "1",  # Node's own fetch and https look at the variables above only then
        "CARGO_NET_GIT_FETCH_WITH_CLI": "true",  # by real git, which knows the way to the gate
        "MAVEN_OPTS": f"-Djavax.net.ssl.trustStore={JAVA_STORE}",
        "APT_CONFIG": _APT_SETTINGS,
    }


def placeholders(hosts: Iterable[str]) -> Mapping[str, str]:
    """The variables that stand for a credential which the way out puts in for these hosts."""
    return {_INSISTS[host]: PLACEHOLDER for host in hosts if host in _INSISTS}


def own_files(proxy: Authority) -> tuple[GuestFile, ...]:
    """The settings of tools that read no variable."""
    return (
        GuestFile(f"{GUEST_HOME}/.m2/settings.xml", _maven(proxy).encode(), mode=0o644),
        GuestFile(f"{GUEST_HOME}/.gradle/gradle.properties", _gradle(proxy).encode(), mode=0o644),
        GuestFile(_APT_SETTINGS, _APT.encode(), mode=0o644),
    )


def own_directories() -> tuple[GuestDirectory, ...]:
    """Where apt keeps what it was told and what it fetched: the system's own places are not the agent's to write."""
    places = (f"{_APT_STATE}/lists/partial", f"{_APT_CACHE}/archives/partial")
    return tuple(GuestDirectory(place, mode=0o755) for place in places)


_APT: Final = f"""\
Dir::State "{_APT_STATE}";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "{_APT_CACHE}";
"""


def _maven(proxy: Authority) -> str:
    """One proxy serves both schemes: Maven takes the one for http where there is none for https."""
    return f"""\
<settings>
  <proxies>
    <proxy>
      <id>bottle</id>
      <protocol>http</protocol>
      <host>{proxy.host}</host>
      <port>{proxy.port}</port>
      <nonProxyHosts>{"|".join(_DIRECT)}</nonProxyHosts>
    </proxy>
  </proxies>
</settings>
"""


def _gradle(proxy: Authority) -> str:
    """Gradle hands these on to the Java that it runs in, its wrapper's too."""
    properties = {
        **{f"{scheme}.proxyHost": proxy.host for scheme in ("http", "https")},
        **{f"{scheme}.proxyPort": proxy.port for scheme in ("http", "https")},
        "http.nonProxyHosts": "|".join(_DIRECT),
        "javax.net.ssl.trustStore": JAVA_STORE,
    }
    return "".join(f"systemProp.{name}={value}\n" for name, value in properties.items())
