"""What a hostile agent sends: it reads nobody else's proposals, approves nothing, floods nobody, shows nothing that is
not there."""

import json
import os
from pathlib import Path

import pytest

from bottle.adapters.state import supervise
from bottle.domain.supervise import Decision, Question
from bottle.domain.supervise_files import decision_document
from sidecars.supervise import limits
from sidecars.supervise.desk import Desk, TooMuchError
from tests.supervise.conftest import MakeServer, Served

EVIL_IDS = [
    "../told/rules",
    "..%2ftold%2frules",
    "/etc/passwd",
    "rules",
    "rules.json",
    "aaaaaaaa/../bbbbbbbb",
    "a" * 8,
    "a" * 10_000,
    "\u202egpj.exe",
    "*",
    "",
]


@pytest.mark.parametrize("number", EVIL_IDS)
def test_an_id_is_looked_up_and_never_becomes_a_path(server: Served, number: str) -> None:
    server.client.asked("ask", question="Is it me?")
    ok, said = server.client.call("status", id=number)
    assert not ok
    assert "no proposal of yours" in said or "a text belongs here" in said


def test_proposals_of_another_bottle_are_not_to_be_had(make_server: MakeServer) -> None:
    """Each bottle has a server and directories of its own: another's id means nothing."""
    mine, other = make_server(), make_server()
    number = other.client.asked("ask", question="The secret plan?")
    assert mine.client.call("status", id=number)[0] is False
    assert mine.client.request("resources/read", {"uri": "bottle://proposals"})["result"]["contents"][0]["text"] == "[]"


@pytest.mark.parametrize(
    "uri", ["bottle://rules/../../state", "file:///etc/passwd", "bottle://told/rules.json", 7, None, "bottle://RULES"]
)
def test_there_are_two_resources_and_no_others(server: Served, uri: object) -> None:
    assert server.client.request("resources/read", {"uri": uri})["error"]["code"] == -32002


@pytest.mark.parametrize(
    "arguments",
    [
        {"state": "applied"},
        {"id": "aaaaaaaa", "state": "approved"},
        {"decision": {"state": "applied"}},
        {"approve": True},
    ],
)
def test_no_argument_approves(server: Served, arguments: dict[str, object]) -> None:
    ok, said = server.client.call("ask", question="May I?", **arguments)
    assert (ok, "a key is not known" in said) == (False, True)
    assert server.numbers() == []


@pytest.mark.parametrize("tool", ["approve", "reject", "tell", "egress-block/../approve", "", 3, None])
def test_there_is_no_tool_that_answers(server: Served, tool: object) -> None:
    result = server.client.request("tools/call", {"name": tool, "arguments": {}})["result"]
    assert result["isError"]


def test_an_answer_among_the_proposals_is_none(server: Served) -> None:
    """Whoever could write where proposals lie has still not answered them."""
    number = server.client.asked("egress-block", host="pypi.org", why="to install")
    forged = json.dumps(decision_document(Decision(number, "applied", 1.0, "operator", "kept")))
    (server.rooms.asked / f"{number}.decision.json").write_text(forged)
    assert server.client.call("status", id=number)[1]["state"] == "pending"
    assert [asked.decision for asked in server.store.asked(server.identity)] == [None]


def test_an_answer_to_something_else_is_no_answer(server: Served) -> None:
    number = server.client.asked("egress-block", host="pypi.org", why="to install")
    other = json.dumps(decision_document(Decision("bbbbbbbb", "applied", 1.0, "operator", "kept")))
    (server.rooms.told / f"{number}.json").write_text(other)
    assert server.client.call("status", id=number)[1]["state"] == "pending"


def test_what_was_seen_cannot_be_changed_afterwards(server: Served) -> None:
    """An operator says yes to what was shown, though the server were taken over meanwhile."""
    number = server.client.asked("egress-block", host="pypi.org", why="to install")
    shown = server.store.asked(server.identity)
    path = server.rooms.asked / f"{number}.json"
    path.write_text(path.read_text().replace("pypi.org", "evil.example"))
    assert server.store.asked(server.identity) == shown
    path.unlink()
    assert server.store.asked(server.identity) == shown


def test_nor_by_asking_so_much_that_it_is_forgotten(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "MOST_FILES", 2)
    first = server.client.asked("egress-block", host="pypi.org", why="to install")
    document = (server.rooms.asked / f"{first}.json").read_text()
    shown = server.store.asked(server.identity)
    for number in ("bbbbbbbb", "cccccccc", "dddddddd"):
        (server.rooms.asked / f"{first}.json").unlink(missing_ok=True)
        (server.rooms.asked / f"{number}.json").write_text(document.replace(first, number))
        server.numbers()
        (server.rooms.asked / f"{number}.json").unlink()
    (server.rooms.asked / f"{first}.json").write_text(document.replace("pypi.org", "evil.example"))
    assert shown[0] in server.store.asked(server.identity)
    assert len(server.numbers()) == 2, "it never sees more than the server may lay down"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"version": 2}',
        b'{"version": 1, "id": "aaaaaaaa"}',
        b" " * 200_000,
    ],
)
def test_a_file_that_is_no_proposal_is_passed_over(server: Served, content: bytes) -> None:
    (server.rooms.asked / "aaaaaaaa.json").write_bytes(content)
    assert server.numbers() == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("bbbbbbbb.json", {}),  # under another's name
        ("{id}.json", {"identity": "other-abc12"}),
        ("{id}.json", {"why": "fine\u202e"}),
        ("{id}.json", {"why": "\x1b]0;approved\x07"}),
        ("{id}.json", {"why": "x" * 5000}),
        ("{id}.json", {"kind": "approve"}),
        ("{id}.json", {"state": "applied"}),
        ("{id}.json", {"asked_at": 1e300}),
        ("{id}.json", {"wish": {"host": "*.com", "path": "", "methods": [], "port": 443}}),
        ("{id}.json", {"wish": {"host": "a.example", "path": "", "methods": [], "port": 443, "auth": "T"}}),
    ],
)
def test_a_forged_proposal_is_judged_like_any_other(
    server: Served, name: str, change: dict[str, object], tmp_path: Path
) -> None:
    number = server.client.asked("egress-block", host="pypi.org", why="to install")
    path = server.rooms.asked / f"{number}.json"
    forged = {**json.loads(path.read_text()), **change}
    path.unlink()
    (server.rooms.asked / name.format(id=number)).write_text(json.dumps(forged))
    assert server.numbers() == []


def test_links_and_pipes_among_the_proposals_are_not_followed(server: Served, tmp_path: Path) -> None:
    number = server.client.asked("egress-block", host="pypi.org", why="to install")
    path = server.rooms.asked / f"{number}.json"
    (tmp_path / "elsewhere.json").write_text(path.read_text())
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere.json")
    os.mkfifo(server.rooms.asked / "bbbbbbbb.json")
    (server.rooms.asked / "cccccccc.json").mkdir()
    assert server.numbers() == []


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[2J\x1b[Happroved",
        "\x1b]0;owned\x07",
        "title\u202eevil",
        "zero\u200bwidth",
        "bell\x07",
        "back\b\b\bspace",
        "carriage\rreturn",
        "\u2066isolate",
        "half \ud800",
        "line\u2028separator",
        "tag \U000e0041",
        "c1 \x9b31m",
        "nul \0",
    ],
)
def test_what_a_terminal_obeys_is_refused(server: Served, text: str) -> None:
    calls: dict[str, dict[str, object]] = {
        "egress-block": {"host": "pypi.org", "why": text},
        "capability-block": {"dockerfile": text, "why": "plain"},
        "ask": {"question": "plain?", "choices": [text]},
    }
    for tool, arguments in calls.items():
        ok, _ = server.client.call(tool, **arguments)
        assert not ok, tool
    assert server.numbers() == []


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("egress-block", {"host": "pypi.org", "why": "x" * 2001}),
        ("egress-block", {"host": "a" * 501, "why": "x"}),
        ("egress-block", {"host": "pypi.org", "path": "/" + "a" * 500, "why": "x"}),
        ("egress-block", {"host": "pypi.org", "methods": ["GET"] * 9, "why": "x"}),
        ("capability-block", {"dockerfile": "R" * 4001, "why": "x"}),
        ("pipelock-block", {"fingerprint": "f" * 129, "why": "x"}),
        ("ask", {"question": "x", "choices": [str(number) for number in range(9)]}),
        ("ask", {"question": "x", "choices": ["same", "same"]}),
        ("ask", {"question": "  \n "}),
        ("wait", {"id": "aaaaaaaa", "seconds": 0}),
        ("wait", {"id": "aaaaaaaa", "seconds": 10**9}),
        ("wait", {"id": "aaaaaaaa", "seconds": True}),
    ],
)
def test_what_is_too_much_is_refused(server: Served, tool: str, arguments: dict[str, object]) -> None:
    assert server.client.call(tool, **arguments)[0] is False
    assert server.numbers() == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"host": "https://pypi.org/simple"}, "host alone"),
        ({"host": "pypi.org:443"}, "host alone"),
        ({"host": "user@pypi.org"}, "host alone"),
        ({"host": "*.com"}, "too broad"),
        ({"host": "0x7f.1"}, "IPv4"),
        ({"host": "pypi.org\nevil.example"}, "host alone"),
        # The operator would read another host's name, or one with letters in it that nobody sees.
        ({"host": "p\u0443pi.org"}, "looked up as xn--ppi-dfd.org"),
        ({"host": "caf\xe9\u200b.example"}, "looked up as xn--caf-dma.example"),
        ({"host": "pypi.org\u3002caf\xe9.example"}, "looked up as pypi.org.xn--caf-dma.example"),
        ({"host": "*.p\u0443pi.org"}, "looked up as *.xn--ppi-dfd.org"),
        ({"host": "PyPI.org."}, "looked up as pypi.org"),
        ({"host": "pypi.org", "path": "/a/../b"}, "path"),
        ({"host": "pypi.org", "path": "/a?token=1"}, "query"),
        ({"host": "pypi.org", "path": "simple"}, "path"),
        ({"host": "pypi.org", "methods": ["get"]}, "upper case"),
        ({"host": "pypi.org", "methods": "GET"}, "list"),
        ({"host": "pypi.org", "port": 0}, "port"),
        ({"host": "pypi.org", "auth": {"token_ref": "T"}}, "not known"),
        ({"host": "pypi.org", "connect_to": "10.0.0.1"}, "not known"),
    ],
)
def test_a_destination_that_no_manifest_could_name_is_refused(
    server: Served, arguments: dict[str, object], says: str
) -> None:
    ok, said = server.client.call("egress-block", why="to install", **arguments)
    assert (ok, says in said) == (False, True), said


@pytest.mark.parametrize(
    "lines", ["FROM scratch", "RUN --mount=type=secret,id=x true", "COPY / /", "RUN true \\", "# nothing", "jq"]
)
def test_lines_that_reach_for_more_than_the_image_are_refused(server: Served, lines: str) -> None:
    ok, said = server.client.call("capability-block", dockerfile=lines, why="to install")
    assert (ok, said.startswith("dockerfile: ")) == (False, True)
    assert server.numbers() == []


def test_a_flood_is_held_back_and_the_operator_sees_a_few(server: Served) -> None:
    taken = [server.client.call("ask", question=f"Question {number}?")[0] for number in range(40)]
    assert taken.count(True) == limits.EACH_MINUTE
    assert len(server.numbers()) == limits.EACH_MINUTE


def test_a_time_of_day_that_is_set_back_neither_silences_an_agent_nor_lets_it_flood(server: Served) -> None:
    """What counts a minute is a clock that nobody sets."""
    now, steady = [1_000_000_000.0], [7.0]
    desk = Desk(server.start(0), lambda: now[0], lambda: steady[0])

    def asked(count: int) -> int:
        taken = 0
        for number in range(count):
            try:
                desk.ask(Question(), f"At {now[0]}, {number}?")
                taken += 1
            except TooMuchError:
                pass
        return taken

    assert asked(5) == 5
    now[0] -= 400 * 86400
    assert asked(40) == limits.EACH_MINUTE - 5
    steady[0] += 61
    assert asked(1) == 1


def test_the_same_wish_is_asked_once(server: Served) -> None:
    wish = {"host": "pypi.org", "methods": ["GET"], "why": "to install"}
    numbers = {server.client.asked("egress-block", **wish) for _ in range(30)}
    assert len(numbers) == 1
