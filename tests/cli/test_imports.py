"""A person waits for `bottle list`: what only a start needs is imported by a start, and nothing is done in vain."""

import os
import subprocess
import sys
from pathlib import Path

HEAVY = frozenset({"cryptography", "yaml", "ruamel", "hyperscan", "re2", "mcp", "h11", "uvloop", "textual", "ssl"})


def imported(script: str, unwanted: frozenset[str], home: Path) -> str:
    """Which of the unwanted modules a script imports."""
    tell = f"import sys; print(*sorted({set(unwanted)!r} & set(sys.modules)))"
    environment = {**os.environ, "BOT_BOTTLE_HOME": str(home)}
    argv = [sys.executable, "-c", f"{script}\n{tell}"]
    return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def test_composing_a_command_imports_nothing_that_only_a_start_needs(tmp_path: Path) -> None:
    assert imported("import bottle.cli.main, bottle.cli.wiring", HEAVY, tmp_path) == ""


def test_a_list_of_nothing_imports_nothing_of_what_bottles_are_made_of(tmp_path: Path) -> None:
    """No backend, no manifest, no plan, and no port that is asked nothing: each costs milliseconds."""
    bottles = {"docker", "bottle.adapters.docker.backend", "bottle.adapters.bubblewrap.backend", "bottle.app.prepare"}
    ports = {"bottle.domain.manifest", "bottle.domain.plan", "bottle.adapters.workspace", "bottle.adapters.editor"}
    listing = """
from bottle.app.inventory import rows
from bottle.cli import render
from bottle.cli.wiring import wire
assert rows(wire()) == []
"""
    assert imported(listing, frozenset(bottles | ports), tmp_path) == ""


def test_looking_at_a_host_without_an_engine_needs_neither_http_nor_tls(tmp_path: Path) -> None:
    """What fetches programs is imported when one is missing."""
    look = """
from bottle.cli.wiring import wire
wire().backends["bubblewrap"].survey()
"""
    assert imported(look, frozenset({"ssl", "http.client", "importlib.metadata"}), tmp_path) == ""


def test_the_collector_of_cycles_looks_through_no_modules() -> None:
    """They are there until the end, and then they go with the process."""
    script = """
import atexit, gc
atexit.register(lambda: print(gc.get_stats()[2]["collections"] - before, gc.get_freeze_count() > 10_000))
before = gc.get_stats()[2]["collections"]
from bottle.cli.program import main
main()
"""
    done = subprocess.run([sys.executable, "-c", script, "--help"], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 True"
