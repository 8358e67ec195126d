"""A person waits for `bottle list`: what only a start needs is imported by a start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "module", ["cryptography", "yaml", "ruamel", "hyperscan", "re2", "mcp", "h11", "uvloop", "textual", "http.client"]
)
def test_composing_a_command_imports_nothing_that_only_a_start_needs(module: str) -> None:
    script = f"import sys, bottle.cli.main, bottle.cli.wiring; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("module", ["docker", "bottle.adapters.docker.backend", "bottle.adapters.bubblewrap.backend"])
def test_a_backend_that_nobody_needs_is_not_imported(tmp_path: Path, module: str) -> None:
    script = f"""
import sys
from bottle.app.inventory import rows
from bottle.cli.wiring import wire
assert rows(wire()) == []
sys.exit({module!r} in sys.modules)
"""
    environment = {**os.environ, "BOT_BOTTLE_HOME": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 0
