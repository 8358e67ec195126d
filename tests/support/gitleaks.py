"""The gitleaks that the gate runs."""

from pathlib import Path

import pytest

from bottle.adapters import gitleaks as managed
from bottle.domain.errors import BottleError


def gitleaks() -> Path:
    """The pinned program; without it the test cannot tell anything."""
    try:
        return managed.program()
    except BottleError as error:
        pytest.fail(str(error))
