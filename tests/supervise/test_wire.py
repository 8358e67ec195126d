"""The server's transport: what is no message, who is slow, who is gone, and answers that take a while."""

import http.client
import json
import socket

import pytest

from bottle.domain.supervise import Decision
from sidecars.supervise import limits
from tests.supervise.conftest import Served, a_process
from tests.support.supervise import JSON_ALONE


@pytest.mark.parametrize(
    ("body", "headers", "method", "path", "status"),
    [
        (b"{}", {**JSON_ALONE, "Origin": "https://evil.example"}, "POST", "/", 403),
        (b"{}", {"Content-Type": "text/plain"}, "POST", "/", 415),
        (b"{}", JSON_ALONE, "POST", "/other", 404),
        (b"", {}, "GET", "/", 405),
        (b"", {}, "DELETE", "/", 405),
        (b"", {}, "GET", "/.well-known/oauth-protected-resource", 405),
        (b"x" * (limits.REQUEST + 1), JSON_ALONE, "POST", "/", 413),
        (b"{", JSON_ALONE, "POST", "/", 400),
        (b"[" * 60_000, JSON_ALONE, "POST", "/", 400),
        (b"[]", JSON_ALONE, "POST", "/", 400),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', JSON_ALONE, "POST", "/", 400),
        (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', JSON_ALONE, "POST", "/", 400),
        (b'{"jsonrpc": "2.0", "id": {"a": 1}, "method": "ping"}', JSON_ALONE, "POST", "/", 400),
        (b'{"jsonrpc": "2.0", "method": "notifications/initialized"}', JSON_ALONE, "POST", "/", 202),
        (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', JSON_ALONE, "POST", "/", 202),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": 3}', JSON_ALONE, "POST", "/", 200),
    ],
)
def test_what_is_no_message_gets_a_status_and_the_server_goes_on(
    listening: Served, body: bytes, headers: dict[str, str], method: str, path: str, status: int
) -> None:
    assert listening.wire.post(body, headers, method, path).status == status
    assert listening.client.request("ping")["result"] == {}


def test_connections_that_say_nothing_keep_nobody_else_out_for_ever(listening: Served) -> None:
    silent = [socket.create_connection(("127.0.0.1", listening.port)) for _ in range(limits.CONNECTIONS)]
    turned_away = listening.wire.post(b"{}", JSON_ALONE).status
    more = [
        socket.create_connection(("127.0.0.1", listening.port), timeout=20)
        for _ in range(limits.TURNED_AWAY + 1 - limits.CONNECTIONS)
    ]
    assert more[-1].recv(1) == b"", "of thousands hardly any costs memory for longer than it takes to hang up"
    for connection in (*silent, *more):
        connection.close()
    while listening.wire.post(b"{}", JSON_ALONE).status == turned_away == 503:
        pass
    assert listening.client.request("ping")["result"] == {}


def test_garbage_on_a_connection_ends_that_connection(listening: Served) -> None:
    for garbage in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"\0" * 9,
    ):
        with socket.create_connection(("127.0.0.1", listening.port), timeout=20) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    assert listening.client.request("ping")["result"] == {}


def test_a_wait_is_answered_in_a_stream_with_signs_of_life(listening: Served) -> None:
    number = listening.client.asked("ask", question="Still there?")
    message = {
        "jsonrpc": "2.0",
        "id": "w",
        "method": "tools/call",
        "params": {"name": "wait", "arguments": {"id": number, "seconds": 30}},
    }
    streaming = {**JSON_ALONE, "Accept": "application/json, text/event-stream"}
    connection = http.client.HTTPConnection("127.0.0.1", listening.port, timeout=20)
    connection.request("POST", "/", json.dumps(message).encode(), streaming)
    response = connection.getresponse()
    comment = response.readline()
    listening.store.tell(listening.identity, Decision(number, "applied", 1.0, "sam", answer="here"))
    event = response.read().decode()
    connection.close()
    assert response.getheader("Content-Type") == "text/event-stream"
    assert comment.startswith(b":")
    found = json.loads(event.partition("data: ")[2])
    assert (found["id"], "here" in found["result"]["content"][0]["text"]) == ("w", True)


def test_a_wait_ends_without_an_answer_and_can_be_repeated(listening: Served) -> None:
    number = listening.client.asked("ask", question="Anybody?")
    for _ in range(2):
        ok, said = listening.client.call("wait", id=number, seconds=1)
        assert (ok, said["state"]) == (True, "pending")


def test_proposals_outlive_the_server(listening: Served) -> None:
    """Started again in the same directories, it knows what it laid down."""
    number = listening.client.asked("ask", question="Do you remember?")
    with a_process(listening) as again:
        assert again.client.call("status", id=number)[1]["state"] == "pending"
