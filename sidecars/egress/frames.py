"""What one side of a WebSocket says to the other: frames in, frames out, no I/O (RFC 6455 5).

wsproto reads and writes the frames. Reading refuses what the RFC forbids: a client's frame without a mask or a
server's with one, reserved bits and opcodes, control frames that are long or cut, text that is no UTF-8, lengths in a
longer form than they need. Writing is canonical: masks of our own, and a fragmentation that is not the sender's.
"""

from collections.abc import Callable
from typing import cast

from attrs import frozen
from wsproto.frame_protocol import CloseReason, Frame, FrameProtocol, Opcode, ParseFailed

from bottle.domain.masking import Masker
from bottle.domain.secret_forms import SecretForms
from sidecars.egress import limits

OnMessage = Callable[[bytes, bool], bytes]
"""Is given each piece of a message, and whether it is the last; returns what of the message may be passed on, in order
and whole characters. Raises Refused to stop it."""
OnControl = Callable[[bytes], None]
"""Is given what a control frame says before it is passed on. Raises Refused to stop it."""


@frozen
class Fault:
    """Why nothing more can be passed on: a close code, and a reason for the trail."""

    code: int
    reason: str


class Passage:
    """One direction. `closed` is the code of the sender's close frame, `fault` what it did wrong; then it is over."""

    def __init__(
        self,
        source: FrameProtocol,
        sink: FrameProtocol,
        forms: SecretForms,
        on_message: OnMessage,
        on_control: OnControl,
    ) -> None:
        self._source = source
        self._sink = sink
        self._forms = forms
        self._masker = Masker(forms) if forms else None
        self._on_message = on_message
        self._on_control = on_control
        self._held: list[bytes] = []
        self._held_size = 0
        self._message_size = 0
        self.closed: int | None = None
        self.fault: Fault | None = None

    @property
    def is_over(self) -> bool:
        return self.closed is not None or self.fault is not None

    def feed(self, data: bytes) -> bytes:
        """Takes what the sender sent; returns what the other side gets. Once it is over nothing is taken."""
        if self.is_over:
            return b""
        written: list[bytes] = []
        self._source.receive_bytes(data)
        try:
            for frame in self._source.received_frames():
                written.append(self._passed(frame))
                if self.fault is not None:
                    break
        except ParseFailed as error:
            is_text = error.code is CloseReason.INVALID_FRAME_PAYLOAD_DATA  # wsproto's own words would quote it
            self.fault = Fault(int(error.code), "text that is no UTF-8" if is_text else str(error))
        return b"".join(written)

    def _passed(self, frame: Frame) -> bytes:
        payload = frame.payload
        if frame.opcode in (Opcode.PING, Opcode.PONG):
            self._on_control(bytes(cast("bytes", payload)))
        if frame.opcode is Opcode.PING:
            return bytes(self._sink.ping(self._forms.masked(cast("bytes", payload))))
        if frame.opcode is Opcode.PONG:
            return bytes(self._sink.pong(self._forms.masked(cast("bytes", payload))))
        if frame.opcode is Opcode.CLOSE:
            code, reason = cast("tuple[int, str]", payload)
            self._on_control(reason.encode())
            self.closed = code
            return bytes(self._sink.close(code, self._forms.masked(reason.encode()).decode()))
        return self._gathered(frame)

    def _gathered(self, frame: Frame) -> bytes:
        """Gathers a short frame before it is passed on: what arrives in two reads stays one frame for whoever cannot
        put fragments together. What waits is bounded by a piece and one read."""
        is_text = isinstance(frame.payload, str)
        piece = cast("str", frame.payload).encode() if is_text else cast("bytes", frame.payload)
        self._message_size += len(piece)
        if self._message_size > limits.WEBSOCKET_MESSAGE:
            self.fault = Fault(CloseReason.MESSAGE_TOO_BIG, f"a message of more than {limits.WEBSOCKET_MESSAGE} bytes")
            return b""
        self._held.append(piece)
        self._held_size += len(piece)
        if not frame.frame_finished and self._held_size < limits.WEBSOCKET_PIECE:
            return b""
        gathered = b"".join(self._held)
        self._held.clear()
        self._held_size = 0
        if frame.message_finished:
            self._message_size = 0
        return self._written(gathered, is_text, frame.message_finished)

    def _written(self, piece: bytes, is_text: bool, is_final: bool) -> bytes:
        piece = self._on_message(piece, is_final)
        if self._masker is not None:
            piece = self._masker.finish(piece) if is_final else self._masker.feed(piece)
        if not piece and not is_final:
            return b""
        # What a masker holds back begins with an ASCII byte, so that no character is cut.
        return bytes(self._sink.send_data(piece.decode() if is_text else piece, is_final))
