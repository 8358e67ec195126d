"""The promises of the port `Credentials`."""

from collections.abc import Mapping

import pytest

from bottle.adapters.credentials import HostCredentials
from bottle.adapters.fake.credentials import FakeCredentials
from bottle.app.ports import Credentials
from bottle.domain.errors import SecretMissingError

SECRET = "s3cr3t-value"


@pytest.fixture(params=[HostCredentials, FakeCredentials], ids=["host", "fake"])
def make(request: pytest.FixtureRequest) -> type[HostCredentials]:
    kind: type[HostCredentials] = request.param
    return kind


def credentials(make: type[HostCredentials], values: Mapping[str, str]) -> Credentials:
    return make(values)


def test_available_are_those_that_are_set_to_something(make: type[HostCredentials]) -> None:
    host = credentials(make, {"A": SECRET, "EMPTY": "", "OTHER": "x", "BROKEN": "a\nb"})
    assert host.available(["A", "EMPTY", "GONE", "BROKEN"]) == {"A", "BROKEN"}


def test_a_value_is_given_as_it_is(make: type[HostCredentials]) -> None:
    assert credentials(make, {"A": "ghp_~!@#$%^&*() x"}).value("A") == "ghp_~!@#$%^&*() x"


@pytest.mark.parametrize("values", [{}, {"TOKEN": ""}])
def test_what_is_not_set_is_missing(make: type[HostCredentials], values: dict[str, str]) -> None:
    with pytest.raises(SecretMissingError, match="not set in this environment: TOKEN") as caught:
        credentials(make, values).value("TOKEN")
    assert caught.value.hint == "export TOKEN=... and start again"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (f"{SECRET}\n", "a line end"),
        (f"{SECRET}\r\nX-Evil: 1", "a line end"),
        (f"{SECRET}\0", "a line end or another control character"),
        (f"{SECRET}\x7f", "a line end or another control character"),
        (f"{SECRET}\u2028", "a character outside of ASCII"),
        (f"{SECRET}ü", "a character outside of ASCII"),
        (f"{SECRET}\udcff", "a character outside of ASCII"),
        (f" {SECRET}", "space at its beginning or end"),
        (f"{SECRET} ", "space at its beginning or end"),
    ],
)
def test_what_no_header_can_carry_is_refused_by_name_alone(make: type[HostCredentials], value: str, why: str) -> None:
    with pytest.raises(SecretMissingError, match=f"TOKEN holds {why}") as caught:
        credentials(make, {"TOKEN": value}).value("TOKEN")
    assert SECRET not in f"{caught.value!r} {caught.value} {caught.value.hint}"
    assert caught.value.__cause__ is None


def test_what_the_agent_is_given_may_hold_anything(make: type[HostCredentials]) -> None:
    assert credentials(make, {"A": "two\nlines, ü "}).variable("A") == "two\nlines, ü "


@pytest.mark.parametrize("values", [{}, {"NAME": ""}])
def test_a_variable_that_is_not_set_is_missing(make: type[HostCredentials], values: dict[str, str]) -> None:
    with pytest.raises(SecretMissingError, match="NAME"):
        credentials(make, values).variable("NAME")


def test_values_are_not_shown(make: type[HostCredentials]) -> None:
    assert SECRET not in repr(credentials(make, {"A": SECRET}))
