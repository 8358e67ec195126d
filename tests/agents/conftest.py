"""The backends that real agent programs are run on."""

from collections.abc import Iterator

import pytest

from tests.support.box_views import engine
from tests.support.namespace_views import namespaces
from tests.support.requirements import require
from tests.support.views import Views


@pytest.fixture(scope="module", params=["docker", "bubblewrap"])
def views(request: pytest.FixtureRequest) -> Iterator[Views]:
    require(request.param)
    found: Views | str = {"docker": engine, "bubblewrap": namespaces}[request.param]()
    assert not isinstance(found, str), found
    yield found
    found.close()
