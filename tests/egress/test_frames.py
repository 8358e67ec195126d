"""WebSocket frames without a network: any cutting of the bytes, what is looked at on the way, and who stops it."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode

from bottle.domain.egress import Policy, Route
from bottle.domain.egress_config import EgressReload
from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.secret_forms import SecretForms
from sidecars.egress.audit import Trail
from sidecars.egress.dial import Dialler
from sidecars.egress.frames import Passage
from sidecars.egress.gateway import Gateway
from sidecars.egress.rules import build
from sidecars.egress.websocket import Relay
from tests.egress.wires import Wire

SECRET = b"abcabd"
_TEXT = st.lists(st.sampled_from(["abcabd", "abc", "a", "\u2603", "x" * 200]), max_size=5).map("".join)
_MESSAGES = st.lists(st.tuples(st.booleans(), st.lists(_TEXT, min_size=1, max_size=4)), max_size=4)


def _passage(
    from_client: bool, seen: list[tuple[bytes, bool]], secrets: tuple[bytes, ...] = ()
) -> tuple[FrameProtocol, Passage, FrameProtocol]:
    """A sender, the passage, and a receiver."""
    source, sink = FrameProtocol(client=not from_client, extensions=[]), FrameProtocol(from_client, [])

    def shown(piece: bytes, is_final: bool) -> bytes:
        seen.append((piece, is_final))
        return piece

    passage = Passage(source, sink, SecretForms(secrets), shown, lambda _payload: None)
    return FrameProtocol(client=from_client, extensions=[]), passage, FrameProtocol(not from_client, [])


def _heard(receiver: FrameProtocol, data: bytes) -> list[str | bytes]:
    """The messages in a stream of frames."""
    messages: list[str | bytes] = []
    pieces: list[Any] = []
    receiver.receive_bytes(data)
    for frame in receiver.received_frames():
        pieces.append(frame.payload)
        if frame.message_finished:
            messages.append((b"" if frame.opcode is Opcode.BINARY else "").join(pieces))
            pieces = []
    return messages


@settings(max_examples=200, deadline=None)
@given(_MESSAGES, st.lists(st.integers(0, 5000), max_size=8), st.booleans())
def test_any_cutting_passes_the_same_messages_and_shows_all_of_each(
    messages: list[tuple[bool, list[str]]], cuts: list[int], from_client: bool
) -> None:
    seen: list[tuple[bytes, bool]] = []
    sender, passage, receiver = _passage(from_client, seen, (SECRET,))
    data = b"".join(
        bytes(sender.send_data(piece if is_text else piece.encode(), at == len(pieces) - 1))
        for is_text, pieces in messages
        for at, piece in enumerate(pieces)
    )
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    passed = b"".join(passage.feed(data[a:b]) for a, b in itertools.pairwise(places))
    assert passage.fault is None
    whole = ["".join(pieces) for _, pieces in messages]
    clean = [text.replace("abcabd", "******") for text in whole]
    assert _heard(receiver, passed) == [
        text if is_text else text.encode() for text, (is_text, _) in zip(clean, messages, strict=True)
    ]
    assert b"".join(piece for piece, _ in seen).decode() == "".join(whole)
    assert sum(is_final for _, is_final in seen) == len(messages)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.booleans(), st.integers(1, 50))
def test_garbage_passes_or_is_a_fault_and_never_anything_else(data: bytes, from_client: bool, size: int) -> None:
    _, whole, _ = _passage(from_client, [])
    _, cut, receiver = _passage(from_client, [])
    whole.feed(data)
    passed = b"".join(cut.feed(data[at : at + size]) for at in range(0, len(data), size))
    assert (whole.fault, whole.closed) == (cut.fault, cut.closed)
    _heard(receiver, passed)  # whatever comes out is in order


@pytest.mark.parametrize("how", ["text", "ping"])
def test_a_secret_in_a_message_or_control_frame_ends_the_websocket(tmp_path: Path, how: str) -> None:
    route = Route(HostPattern("a.example"), scheme="http", ports=(80,))
    rules = build(EgressReload(Policy((route,)), given={"PASSPHRASE": "velvet-otter-marble"}), key=b"test")
    ticket = rules.judge("http", Authority("a.example", 80), "GET", "/ws")
    trail = Trail(str(tmp_path), "test")

    async def told() -> None:
        agent, origin = Wire(), Wire()
        gateway = Gateway(rules, trail, Dialler(asyncio.get_running_loop().create_future()))
        relay = Relay(gateway, ticket, trail.entry("http", "GET", "a.example", 80, "/ws"), agent, origin)
        relay.begin(b"")
        client = FrameProtocol(client=True, extensions=[])
        agent.protocol.data_received(bytes(client.send_data("fine")))
        await origin.until_written(1)
        assert len(origin.written[0]) == 10
        leak = client.send_data("VelvetOtterMarble") if how == "text" else client.ping(b"velvet_otter_marble")
        agent.protocol.data_received(bytes(leak))
        await agent.until_closed()
        assert agent.written == [b"\x88\x02\x03\xf0"]
        assert [piece[:2] for piece in origin.written[1:]] == [b"\x88\x82"]
        assert origin.is_closed
        assert not gateway.guests

    asyncio.run(told())
