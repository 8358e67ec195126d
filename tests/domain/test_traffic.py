"""What a trail comes to, whoever wrote its lines."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bottle.cli.documents import of_traffic
from bottle.cli.render import size
from bottle.cli.render import traffic as told
from bottle.domain.traffic import MOST_KEPT, OTHERS, HostTraffic, Mishap, Traffic, traffic_of


def line(
    number: int, host: str, kind: str = "http", *, allowed: bool = True, rule: str = "route", **more: object
) -> str:
    reason = "listed" if rule == "route" else f"{host} is not"
    return json.dumps(
        {"id": str(number), "kind": kind, "host": host, "allowed": allowed, "rule": rule, "reason": reason, **more}
    )


GIT = HostTraffic("git.example", 1, 0, 0, 0)
LINES = [
    line(1, "a.example", "opened"),
    line(1, "a.example", bytes_out=3, bytes_in=5000),
    line(2, "a.example", "opened"),
    line(3, "b.example", allowed=False, rule="host.unlisted"),
    line(4, "b.example", "tunnel", allowed=False, rule="host.unlisted"),
    line(5, "a.example", rule="upstream.timeout", bytes_out=1, bytes_in=0),
    line(6, "c.example", "dns", allowed=False, rule="dns.closed"),
    json.dumps({"kind": "opened", "host": "git.example", "allowed": True, "rule": "allowed"}),  # the gate's have no id
    line(7, "git.example", "git", rule="allowed").replace('"id": "7", ', ""),
    json.dumps({"kind": "lifecycle", "rule": "started", "allowed": True}),
    "no json", "[]", "7", "{}", '{"kind": []}', '{"kind": "other"}',
]  # fmt: skip


def test_hosts_and_mishaps_are_counted_and_a_request_without_an_end_counts_once() -> None:
    found = traffic_of(LINES)
    assert found.hosts == (HostTraffic("a.example", 3, 0, 4, 5000), HostTraffic("b.example", 0, 2, 0, 0), GIT)
    assert found.mishaps == (
        Mishap("b.example", "host.unlisted", "b.example is not", 2),
        Mishap("a.example", "upstream.timeout", "a.example is not", 1),
    )
    assert (found.requests, found.refused) == (6, 2)


def test_it_is_told_to_people_and_programs() -> None:
    found = traffic_of(LINES)
    assert told(found).splitlines() == [
        "bottle: egress: 6 requests, 2 refused",
        "  a.example    3 allowed  0 refused  4 B out, 4.9 KiB in",
        "  b.example    0 allowed  2 refused  0 B out, 0 B in",
        "  git.example  1 allowed  0 refused  0 B out, 0 B in",
        "  2 x  b.example  host.unlisted: b.example is not",
        "  1 x  a.example  upstream.timeout: a.example is not",
    ]
    document = json.loads(json.dumps(of_traffic(found)))
    assert document["hosts"][0] == {"host": "a.example", "allowed": 3, "refused": 0, "bytes_out": 4, "bytes_in": 5000}
    assert document["mishaps"][0]["count"] == 2
    assert told(Traffic()) == "bottle: egress: 0 requests, 0 refused"


def test_an_agent_that_asks_for_a_million_hosts_makes_no_long_list() -> None:
    lines = (line(number, f"h{number}.example\x1b[31m", allowed=False, rule="host.unlisted") for number in range(5000))
    found = traffic_of(lines)
    assert len(found.hosts) == len(found.mishaps) == MOST_KEPT + 1
    assert next(host for host in found.hosts if host.host == OTHERS).refused == 4000
    assert found.requests == 5000
    text = told(found)
    assert len(text.splitlines()) < 50
    assert "\x1b" not in text


def test_sizes_are_read_at_a_glance() -> None:
    assert [size(count) for count in (0, 1023, 1024, 15_000, 3 * 1024**2, 5000 * 1024**3)] == [
        "0 B", "1023 B", "1.0 KiB", "15 KiB", "3.0 MiB", "5000 GiB",
    ]  # fmt: skip


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), st.lists, max_leaves=4)
_ENTRY = st.dictionaries(
    st.sampled_from(["id", "kind", "host", "allowed", "rule", "reason", "bytes_out", "bytes_in"]),
    _JSON | st.sampled_from(["http", "opened"]),
)


@given(st.lists(_ENTRY.map(json.dumps) | st.text(max_size=20), max_size=20))
def test_any_lines_are_summed_up(lines: list[str]) -> None:
    found = traffic_of(lines)
    assert 0 <= found.refused <= found.requests <= len(lines)
    assert told(found).startswith("bottle: egress: ")
