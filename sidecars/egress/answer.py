"""A response on its way to the agent: its head written anew, its body unpacked where it must be, scrubbed and framed.

No I/O: what goes in are the pieces of one response in order, what comes out are the bytes for the agent.
"""

from bottle.domain.masking import Masker
from bottle.domain.secret_forms import SecretForms
from sidecars.egress.audit import Entry
from sidecars.egress.unpack import Unpacker, unpacker_for
from sidecars.egress.wire import RequestHead, ResponseHead
from sidecars.egress.writing import LAST_CHUNK, chunk, mask_head, stands_alone, write_response


class Answer:
    """What the agent is told of a response. `forms` of a credential are covered in it; the entry learns what came."""

    def __init__(self, forms: SecretForms | None, request: RequestHead, entry: Entry) -> None:
        self._forms = forms
        self._request = request
        self._entry = entry
        self._head: ResponseHead | None = None
        self._masker: Masker | None = None  # a body that comes in one piece needs none
        self._unpacker: Unpacker | None = None
        self._chunked = False
        self.ends_connection = False
        """Whether the agent's connection ends with it."""
        self.leaves_open = False
        """Whether the origin's connection can be used again once the response is complete."""

    @property
    def has_begun(self) -> bool:
        return self._head is not None

    def opened(self, head: ResponseHead, *, is_last: bool) -> bytes:
        """The head for the agent; `is_last` says that nothing more is answered on its connection.

        Raises Refused where nothing could be looked for in the body.
        """
        if self._forms is not None:
            self._unpacker = unpacker_for(head, self._request.method)
        self._head = head
        self._entry.status = head.status
        self.leaves_open = not (head.close or head.until_close or stands_alone(self._request))
        knows_chunks = self._request.version == "1.1"
        is_unframed = not head.bodyless and head.length is None
        self._chunked = is_unframed and knows_chunks
        self.ends_connection = close = self._request.close or is_last or (is_unframed and not knows_chunks)
        written = write_response(head, chunked=self._chunked, close=close)
        if self._forms is None or not self._forms.spans(written):
            return written
        mask_head(head, self._forms)
        return write_response(head, chunked=self._chunked, close=close)

    def take_back(self) -> None:
        """The head is not sent after all."""
        self._head = None

    def passed(self, pieces: list[bytes]) -> bytes:
        """What of the body can be given to the agent now. Raises Refused for what cannot be unpacked."""
        data = self._counted(pieces)
        if data and self._forms is not None:
            self._masker = self._masker or Masker(self._forms)
            data = self._masker.feed(data)
        return chunk(data) if data and self._chunked else data

    def finished(self, pieces: list[bytes]) -> bytes:
        """The last of the body, and its end. Raises Refused for what cannot be unpacked."""
        data = self._counted(pieces)
        if self._unpacker is not None:
            self._unpacker.finish()
        if self._masker is not None:
            data = self._masker.finish(data)
        elif self._forms is not None:
            data = self._forms.masked(data)
        if self._chunked:
            data = chunk(data) + LAST_CHUNK if data else LAST_CHUNK
        return data

    def _counted(self, pieces: list[bytes]) -> bytes:
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._entry.bytes_in += len(data)
        return data if self._unpacker is None else self._unpacker.feed(data)
