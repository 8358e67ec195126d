"""Compiled rules in a directory: `rules.json`, and vectorscan's database for the machine that compiled them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import hyperscan

from sidecars.scanner.patterns.engine import FirstPass, Patterns, compile_database
from sidecars.scanner.patterns.rule import Excuse, Rule

_RULES: Final = "rules.json"
_DATABASE: Final = "rules.db"
_REMEDY: Final = "; remove the sidecar's image, or `tools/secret-rules` in bottle's home, and start again"


class StoreError(Exception):
    """Compiled rules that cannot be used: missing, cut short, or made for another machine or version."""


def save(folder: Path, rules: Sequence[Rule]) -> None:
    """Compiles the rules into an existing directory. Raises InvalidPatternError, OSError."""
    database = compile_database(rules)
    document = {"database": hashlib.sha256(database).hexdigest(), **_written(rules)}
    (folder / _DATABASE).write_bytes(database)
    (folder / _RULES).write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


def load(folder: Path) -> Patterns:
    """The compiled rules. Raises StoreError."""
    rules, database = _read(folder)
    try:
        return Patterns(((rules, FirstPass(database)),))
    except hyperscan.error as error:
        raise StoreError(f"the secret rules were compiled for another machine: {error}{_REMEDY}") from None


def _read(folder: Path) -> tuple[tuple[Rule, ...], bytes]:
    try:
        document = json.loads((folder / _RULES).read_bytes())
        database = (folder / _DATABASE).read_bytes()
        rules, expected = _told(document), document["database"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise StoreError(f"the compiled rules in {folder} cannot be read ({type(error).__name__}){_REMEDY}") from None
    if hashlib.sha256(database).hexdigest() != expected:
        raise StoreError(f"the compiled rules in {folder} are damaged{_REMEDY}")
    return rules, database


def _written(rules: Sequence[Rule]) -> dict[str, Any]:
    """The rules as JSON-able data. Most excuses are everybody's, so each is written once and named by its number."""
    excuses = {excuse: number for number, excuse in enumerate({each: 0 for rule in rules for each in rule.excuses})}
    return {
        "excuses": [attrs.asdict(excuse) for excuse in excuses],
        "rules": [{**attrs.asdict(rule), "excuses": [excuses[each] for each in rule.excuses]} for rule in rules],
    }


def _told(document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules that `_written` wrote. Raises LookupError, TypeError."""
    excuses = [
        Excuse(entry["target"], tuple(entry["patterns"]), tuple(entry["words"])) for entry in document["excuses"]
    ]
    return tuple(
        Rule(
            **{
                **fields,
                "keywords": tuple(fields["keywords"]),
                "excuses": tuple(excuses[number] for number in fields["excuses"]),
            }
        )
        for fields in document["rules"]
    )
