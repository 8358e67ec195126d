"""A Java in the box finds the way out and trusts what it shows, with nothing said on its command line."""

import pytest

from bottle.adapters.bubblewrap import java_network
from bottle.domain.egress import Route
from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.plan import PlannedRoute
from tests.support import bottles
from tests.support.requirements import require

ASKING = b"""
import java.net.*;
public class Ask {
    public static void main(String[] arguments) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) new URL(arguments[0]).openConnection();
        System.out.println(connection.getResponseCode());
    }
}
"""


def test_the_settings_of_a_java_are_kept_and_the_way_out_is_added() -> None:
    require("java")
    found = java_network.settings(Authority("egress", 8888))
    assert found
    for content in found.values():
        assert b"Networking Configuration" in content  # the Java's own comes first
        assert content.endswith(
            b"http.proxyHost=egress\nhttp.proxyPort=8888\nhttps.proxyHost=egress\nhttps.proxyPort=8888\n"
            b"http.nonProxyHosts=localhost|127.*|[::1]|git-gate|supervise\n"
        )


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://example.com/", "502"),  # TLS with the sidecar was made; the name leads nowhere from there
        ("https://unlisted.example.org/", "403 Forbidden"),  # the CONNECT was refused
    ],
)
def test_a_java_in_the_box_goes_the_way_out(url: str, said: str) -> None:
    require("bubblewrap")
    require("java")
    host = "example.com"
    plan = bottles.a_plan(bottles.PROGRAMS, routes=[PlannedRoute(Route(HostPattern(host), methods=("GET",)))])
    backend = bottles.bubblewrap_backend("java")
    with bottles.launched(backend, plan) as bottle:
        assert bottle.run(["sh", "-c", "cat > Ask.java"], stdin=ASKING).status == 0
        done = bottle.run(["java", "Ask.java", url], timeout=60)
    assert said in (done.stdout + done.stderr).decode(), done
