"""The scanner, asked about one body on this host: the way out's own code, in a process of its own."""

import json
from pathlib import Path

from attrs import evolve, frozen

from bottle.adapters import process
from bottle.adapters.bubblewrap.secret_rules import SecretRules
from bottle.adapters.scanner_rules import command
from bottle.app.ports import Progress
from bottle.domain.dlp.document import read_finding
from bottle.domain.dlp.finding import Finding
from bottle.domain.errors import ProvisionError
from bottle.domain.scanned_body import Inquiry, inquiry_document
from bottle.domain.strict_json import read_object

_SECONDS = 600.0


@frozen
class BodyScanner:
    """`rules` is where this host keeps compiled rules; they are compiled where they are not there."""

    rules: Path
    progress: Progress

    def look(self, inquiry: Inquiry, body: bytes) -> Finding | None:
        """What would refuse the body, or None. Raises ProvisionError where the scanner cannot be had here."""
        rules = SecretRules(self.rules)
        rules.install(self.progress)
        question = json.dumps(inquiry_document(evolve(inquiry, patterns=str(rules.place)))).encode()
        try:
            done = process.run(command("look"), timeout=_SECONDS, stdin=question + b"\n" + body, env={})
            if done.status:
                raise ProvisionError(f"the scanner failed: {done.stderr.decode(errors='replace').strip()[-300:]}")
            answer = read_object(json.loads(done.stdout), "the answer", ("finding",), ())["finding"]
            return None if answer is None else read_finding(answer, "finding")
        except (OSError, ValueError) as error:
            raise ProvisionError(f"the scanner does not answer: {type(error).__name__}") from error
