"""Takes known values out of a stream of bytes, in the pieces that it comes in, without changing its length."""

from bottle.domain.secret_forms import SecretForms, starred


class Masker:
    """Covers the forms in a stream. What `feed` keeps back is no longer than the longest form, and only what may yet
    become one: an event that ends otherwise is passed on at once."""

    def __init__(self, forms: SecretForms) -> None:
        self._forms = forms
        self._held = b""
        self._covered = 0  # so many bytes of what is held belong to a form that was found

    def feed(self, data: bytes) -> bytes:
        """What is now known to be clean, in order and as long as it was."""
        if self._held:
            data = self._held + data
        spans, pending = self._forms.search(data)
        if self._covered:
            spans.insert(0, (0, self._covered))
        if not spans and pending == len(data):
            self._held = b""
            return data
        self._held = data[pending:]
        self._covered = max(0, max((end for _, end in spans), default=0) - pending)
        return starred(data[:pending], spans)

    def finish(self, data: bytes = b"") -> bytes:
        """The last of the data, with what was held back: nothing follows that could complete a form."""
        data, covered = self._held + data, self._covered
        self._held, self._covered = b"", 0
        spans = self._forms.spans(data)
        return starred(data, [(0, covered), *spans] if covered else spans)
