"""The secret patterns, measured: `python -m benchmarks.patterns [CORPORA]`.

Recall and false blocks by family on the corpora in that directory (gitleaks/, kingfisher/, exfil-matrix/, benign/), and
on tokens drawn at run time; cost with and without what makes confirmation dear. Compiles the rules first.
"""

import argparse
import base64
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bottle.domain.dlp.matching import GaveUpError
from sidecars.scanner.patterns import sources, store
from sidecars.scanner.patterns.engine import Patterns
from tests.patterns.tokens import SPEAKING, carriers, tokens

_SEEDS = range(100, 105)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="?", type=Path)
    arguments = parser.parse_args()
    patterns = _compiled()
    print("\ntokens drawn at run time")
    drawn = [token for seed in _SEEDS for token in tokens(seed)]
    _recall(patterns, "  under a name", [text for token in drawn for text in carriers(token)])
    bare = [token.value for token in drawn if token.name.removesuffix("_VALUE").lower().replace("_", "-") in SPEAKING]
    _recall(patterns, "  without one", [f"it is {value} as you see".encode() for value in bare])
    if arguments.corpora:
        _corpora(patterns, arguments.corpora)
    _cost(patterns, arguments.corpora)


def _compiled() -> Patterns:
    rules = sources.read()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        store.save(Path(folder), rules)
        middle = time.perf_counter()
        patterns = store.load(Path(folder))
        end = time.perf_counter()
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    families = ", ".join(f"{count} {family}" for family, count in Counter(rule.family for rule in rules).items())
    print(f"rules: {families}; compiled in {middle - start:.1f} s to {size >> 10} KiB, loaded in {end - middle:.3f} s")
    return patterns


def _corpora(patterns: Patterns, corpora: Path) -> None:
    print("\ncorpora")
    examples = _lines(corpora / "kingfisher/examples_positive.jsonl")
    _recall(patterns, "  kingfisher, all", [_text(case) for case in examples])
    _recall(patterns, "  kingfisher, secrets", [_text(case) for case in examples if case["visible"]])
    _recall(patterns, "  gitleaks", [_text(case) for case in _lines(corpora / "gitleaks/true_positives.jsonl")])
    _recall(patterns, "  gitleaks, no secrets", map(_text, _lines(corpora / "gitleaks/false_positives.jsonl")))
    secrets = json.loads((corpora / "exfil-matrix/secrets.json").read_text())
    _recall(
        patterns, "  exfil-matrix, plain", [f"notes: {one['value']}".encode() for one in secrets if not one["known"]]
    )
    _recall(patterns, "  benign requests", [_body(case) for case in _lines(corpora / "benign/requests.jsonl")])


def _recall(patterns: Patterns, title: str, texts: Iterable[bytes]) -> None:
    """How many of the texts hold a match, and which family would have said so alone."""
    families = {rule.name: rule.family for rule in patterns.rules}
    found, total, by = 0, 0, Counter[str]()
    for text in texts:
        said = {families[match.rule] for match in patterns.find(text)}
        total, found = total + 1, found + bool(said)
        by.update(said)
    each = ", ".join(f"{family} {count}" for family, count in sorted(by.items())) or "none"
    print(f"{title:24} {found:5} of {total:5}  {found / total:7.1%}   ({each})")


def _cost(patterns: Patterns, corpora: Path | None) -> None:
    print("\ncost")
    chat = (
        b"".join(_chat(corpora)) if corpora else b'{"role": "user", "content": "Read the file and tell me."}, ' * 30_000
    )
    words = b" ".join(rule.pattern.encode() for rule in patterns.rules)
    for title, unit in (
        ("chat", chat),
        ("noise of base64", base64.b64encode(bytes(range(256)) * 4096)),
        ("names beside numbers", b'"token_id": "a1b2c3d4e5f6a7b8", "key": "file_1_of_20", '),
        ("the rules themselves", words),
        ("words that open keys", b"-----BEGIN PRIVATE KEY----- "),
    ):
        for size in (100_000, 1_000_000):
            data = (unit * (size // len(unit) + 1))[:size]
            print(f"  {title:22} {size:8} bytes {_milliseconds(lambda data=data: patterns.find(data))}")  # type: ignore[misc]


def _milliseconds(run: Callable[[], object]) -> str:
    times = []
    for _ in range(7):
        start = time.perf_counter()
        try:
            run()
            gave_up = ""
        except GaveUpError as error:
            gave_up = f" (gave up: {error})"
        times.append((time.perf_counter() - start) * 1000)
    return f"median {statistics.median(times):8.2f} ms, least {min(times):8.2f}{gave_up}"


def _chat(corpora: Path) -> list[bytes]:
    return [_body(case) for case in _lines(corpora / "benign/requests.jsonl") if case["cls"].startswith("llm")]


def _body(case: dict[str, Any]) -> bytes:
    return base64.b64decode(case["body_b64"])


def _text(case: dict[str, Any]) -> bytes:
    return str(case["text"]).encode()


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
