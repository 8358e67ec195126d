"""The program that says what the scanner finds in one body: the question and the body on standard input, the answer as
JSON on standard output. The way out asks the same code.
"""

import json
import sys

from bottle.domain.dlp.document import finding_document
from bottle.domain.dlp.finding import Finding
from bottle.domain.dlp.matching import Matcher, NoPatterns
from bottle.domain.dlp.stream import Leak
from bottle.domain.registered import registered
from bottle.domain.scanned_body import Inquiry, parse_inquiry
from bottle.domain.strict_json import ConfigError
from sidecars.scanner.guard import Guard
from sidecars.scanner.patterned import patterns_in
from sidecars.scanner.patterns.own import with_own

_PIECE = 65_536


def main() -> None:
    """Exit status 1 and the reason on standard error for a question that is none, and rules that cannot be used."""
    try:
        inquiry = parse_inquiry(json.loads(sys.stdin.buffer.readline()))
        found = look(inquiry)
    except (ConfigError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    json.dump({"finding": None if found is None else finding_document(found)}, sys.stdout)


def look(inquiry: Inquiry) -> Finding | None:
    """What is found in the body that follows; the first, as a refusal would name it. Raises ConfigError."""
    scanning = inquiry.reload.policy.scanning
    brought = patterns_in(inquiry.patterns)
    patterns: Matcher = with_own(brought, scanning) if brought is not None else NoPatterns()
    values = registered(inquiry.reload.policy, inquiry.reload.secrets, inquiry.reload.given)
    guard = Guard.of(values, inquiry.agent.encode(), patterns, scanning.approved)
    silent = scanning.silent(inquiry.host, inquiry.target)
    try:
        stream = (guard.quiet(silent) if silent else guard).body(inquiry.coding)
        while piece := sys.stdin.buffer.read(_PIECE):
            stream.feed(piece)
        stream.finish()
    except Leak as leak:
        return leak.finding
    return None


if __name__ == "__main__":
    main()
