"""The secret rules, compiled once on this machine for all tests of boxes without an engine."""

import shutil
from functools import cache
from pathlib import Path

from bottle.adapters.bubblewrap.secret_rules import SecretRules
from bottle.adapters.fake.progress import FakeProgress

_SHARED = Path(__file__).parents[2] / "build" / "secret-rules"


@cache
def shared_rules() -> SecretRules:
    """Rules that stand beside the checkout; processes that want them at once wait for one of them."""
    rules = SecretRules(_SHARED)
    rules.install(FakeProgress())
    return rules


def lend(home: Path) -> None:
    """Gives a home of bottle's the compiled rules, as its first start would."""
    rules = shared_rules()
    shutil.copytree(rules.place, home / "tools" / "secret-rules" / rules.place.name)
