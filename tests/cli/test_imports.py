"""A person waits for `bottle list`: what only a start needs is imported by a start."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["cryptography", "yaml", "ruamel", "hyperscan", "re2", "mcp", "h11", "uvloop"])
def test_composing_a_command_imports_nothing_that_only_a_start_needs(module: str) -> None:
    script = f"import sys, bottle.cli.main, bottle.cli.wiring; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
