"""What the scanner finds in the exfiltration matrix, and what of developers' ordinary traffic it would refuse.

`python benchmarks/dlp/matrix.py DIR [--patterns DIRECTORY] [--missed]`

DIR holds exfil-matrix/ and benign/ as JSON lines; `--patterns` is a directory of compiled secret rules
(`python -m sidecars.scanner.patterns.build DIRECTORY`), without which only registered values are looked for, and all of
the matrix's secrets are registered. The scanner is asked as the way out asks it, without the way out.
"""

import argparse
import base64
import collections
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bottle.domain.dlp.spellings import Registered  # noqa: E402
from bottle.domain.dlp.stream import Leak  # noqa: E402
from sidecars.scanner.guard import Guard  # noqa: E402
from sidecars.scanner.patterned import patterns_in  # noqa: E402

Case = dict[str, Any]


def main() -> int:
    """Exit status 1 when something of the first two tiers was missed or anything benign was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--patterns", default="")
    parser.add_argument("--missed", action="store_true")
    options = parser.parse_args()
    secrets = json.loads((options.directory / "exfil-matrix/secrets.json").read_text())
    known = [one for one in secrets if one["known"] or not options.patterns]
    values = [Registered(one["name"], one["value"].encode()) for one in known]
    guard = Guard.of(values, b"benchmark", patterns_in(options.patterns))
    missed = matrix(guard, _lines(options.directory / "exfil-matrix/cases.jsonl"), shown=options.missed)
    return int(missed > 0) | int(benign(guard, _lines(options.directory / "benign/requests.jsonl")) > 0)


def matrix(guard: Guard, cases: list[Case], *, shown: bool) -> int:
    """How many of the first two tiers were missed."""
    counts: dict[tuple[int, str], collections.Counter[bool]] = collections.defaultdict(collections.Counter)
    for case in cases:
        found = any(rule_of(guard, request) for request in case["requests"])
        kind = case["transform"] if case["transform"] != "identity" else f"plain in {case['channel']}"
        counts[case["tier"], kind][found] += 1
        if shown and not found:
            print("missed", case["tier"], kind, case["secret_class"], case["id"])
    for tier in sorted({tier for tier, _ in counts}):
        of_tier = sum((count for (each, _), count in counts.items() if each == tier), collections.Counter())
        print(f"tier {tier}: {of_tier[True]} of {of_tier.total()} found")
    return sum(count[False] for (tier, _), count in counts.items() if tier < 3)


def benign(guard: Guard, cases: list[Case]) -> int:
    """How many were refused."""
    refused = [(case["id"], rule) for case in cases if (rule := rule_of(guard, case))]
    print(f"benign: {len(refused)} of {len(cases)} refused", *refused[:20], sep="\n  ")
    return len(refused)


def rule_of(guard: Guard, request: Case) -> str:
    """The rule that refuses the request; empty where none does."""
    headers = [(name.encode(), value.encode()) for name, value in request["headers"]]
    frames = [frame["data"].encode() for frame in request.get("frames", [])]
    coding = next((value.decode() for name, value in headers if name.lower() == b"content-encoding"), "")
    body = base64.b64decode(request.get("body_b64") or "")
    try:
        guard.check_head(request["path"].encode(), headers)
        for extra in (request.get("secret_for_framing", "").encode(), *frames):
            guard.check(extra, "an extra")
        stream = guard.body(coding)
        for at in range(0, request.get("prepend_bytes", 0), 65_536):
            stream.feed(b"p" * min(65_536, request["prepend_bytes"] - at))
        stream.feed(body)
        stream.finish()
    except Leak as leak:
        return leak.finding.rule
    return ""


def _lines(path: Path) -> list[Case]:
    return [json.loads(line) for line in path.read_text().splitlines()]


if __name__ == "__main__":
    sys.exit(main())
