"""The promises of the port `CertificateAuthority`, kept by the real one and by the fake."""

import hashlib
import ssl
from datetime import UTC, datetime

import pytest

from bottle.adapters.certificates import LocalAuthority
from bottle.adapters.fake.certificates import FakeAuthority
from bottle.app.ports import CertificateAuthority

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOSTS = ["api.example.com", "*.example.org", "192.0.2.7", "2001:db8::7"]


@pytest.fixture(params=[LocalAuthority, FakeAuthority], ids=["real", "fake"])
def authority(request: pytest.FixtureRequest) -> CertificateAuthority:
    made: CertificateAuthority = request.param()
    return made


def test_each_host_has_one_leaf_with_its_key(authority: CertificateAuthority) -> None:
    issued = authority.issue("demo-abc12", [*HOSTS, HOSTS[0]], NOW)
    assert list(issued.leaves) == HOSTS
    for leaf in issued.leaves.values():
        assert leaf.count("-----BEGIN CERTIFICATE-----") == 1
        assert leaf.count("-----BEGIN PRIVATE KEY-----") == 1
    assert len(set(issued.leaves.values())) == len(HOSTS)


def test_the_fingerprint_is_that_of_the_authority(authority: CertificateAuthority) -> None:
    issued = authority.issue("demo-abc12", HOSTS, NOW)
    assert issued.fingerprint == hashlib.sha256(ssl.PEM_cert_to_DER_cert(issued.authority)).hexdigest()
    assert "PRIVATE KEY" not in issued.authority


def test_no_two_bottles_share_an_authority(authority: CertificateAuthority) -> None:
    first, second = (authority.issue("demo-abc12", HOSTS, NOW) for _ in range(2))
    assert first.fingerprint != second.fingerprint


def test_a_bottle_without_hosts_has_an_authority_all_the_same(authority: CertificateAuthority) -> None:
    issued = authority.issue("demo-abc12", [], NOW)
    assert issued.leaves == {}
    assert issued.authority.startswith("-----BEGIN CERTIFICATE-----")


def test_keys_are_not_shown(authority: CertificateAuthority) -> None:
    assert "PRIVATE KEY" not in repr(authority.issue("demo-abc12", HOSTS, NOW))
