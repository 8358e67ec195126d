"""What the certificates say, and whether real clients believe them."""

import gc
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from bottle.adapters import certificates
from bottle.adapters.certificates import LocalAuthority
from bottle.app.ports import BottleCertificates
from tests.support.requirements import require
from tests.support.tls_clients import CLIENTS, serving

NOW = datetime.now(UTC)
LONG = ".".join(["a" * 63] * 3) + ".example.com"
HOSTS = ["api.example.com", "*.example.org", "_srv.example.net", LONG, "xn--bcher-kva.example", "127.0.0.1", "::1"]


@pytest.fixture(scope="module")
def issued() -> BottleCertificates:
    return LocalAuthority().issue("demo-abc12", HOSTS, NOW)


@pytest.fixture
def files(issued: BottleCertificates, tmp_path: Path) -> Path:
    """`ca.pem` and a `<number>.pem` for each leaf."""
    write(issued, tmp_path)
    return tmp_path


def write(issued: BottleCertificates, directory: Path) -> None:
    (directory / "ca.pem").write_text(issued.authority)
    for number, leaf in enumerate(issued.leaves.values()):
        (directory / f"{number}.pem").write_text(leaf)


def certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def stolen(hosts: Sequence[str], elsewhere: str, directory: Path) -> None:
    """`ca.pem` of an authority for the hosts, and `0.pem`, a leaf for elsewhere that a thief signed with its key."""
    issuer = certificates._make_issuer("demo-abc12", hosts, NOW)
    (directory / "ca.pem").write_bytes(issuer.certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "0.pem").write_text(certificates._leaf(issuer, elsewhere))


# --- what they say ---


def test_the_authority_may_sign_leaves_for_its_hosts_and_nothing_else(issued: BottleCertificates) -> None:
    authority = certificate(issued.authority)
    extensions = {extension.oid: extension for extension in authority.extensions}
    basic = extensions[x509.BasicConstraints.oid]
    assert (basic.critical, basic.value) == (True, x509.BasicConstraints(ca=True, path_length=0))
    usage = extensions[x509.KeyUsage.oid]
    assert usage.critical
    assert isinstance(usage.value, x509.KeyUsage)
    assert (usage.value.key_cert_sign, usage.value.digital_signature, usage.value.crl_sign) == (True, False, False)
    constraints = extensions[x509.NameConstraints.oid]
    assert constraints.critical
    assert isinstance(constraints.value, x509.NameConstraints)
    permitted = [str(name.value) for name in constraints.value.permitted_subtrees or []]
    assert permitted == [*(host.removeprefix("*.") for host in HOSTS[:5]), "127.0.0.1/32", "::1/128"]


def test_without_addresses_every_address_is_excluded() -> None:
    authority = certificate(LocalAuthority().issue("demo-abc12", [], NOW).authority)
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    assert [str(name.value) for name in constraints.permitted_subtrees or []] == ["bottle.invalid"]
    assert [str(name.value) for name in constraints.excluded_subtrees or []] == ["0.0.0.0/0", "::/0"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_leaf_speaks_for_one_host_as_a_server(issued: BottleCertificates, host: str) -> None:
    leaf, authority = certificate(issued.leaves[host]), certificate(issued.authority)
    leaf.verify_directly_issued_by(authority)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == [host]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    theirs = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert theirs == authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


@pytest.mark.parametrize("host", HOSTS)
def test_the_key_beside_a_leaf_is_its_own(issued: BottleCertificates, host: str) -> None:
    key = serialization.load_pem_private_key(issued.leaves[host].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert key.public_key() == certificate(issued.leaves[host]).public_key()


def test_all_are_valid_from_a_day_ago_for_a_year(issued: BottleCertificates) -> None:
    for pem in (issued.authority, *issued.leaves.values()):
        found = certificate(pem)
        assert found.not_valid_before_utc == (NOW - timedelta(days=1)).replace(microsecond=0)
        assert found.not_valid_after_utc - found.not_valid_before_utc == timedelta(days=365)


def test_serial_numbers_and_keys_are_never_used_twice(issued: BottleCertificates) -> None:
    found = [certificate(pem) for pem in (issued.authority, *issued.leaves.values())]
    assert len({item.serial_number for item in found}) == len(found)
    assert len({item.public_key().public_bytes(*_RAW) for item in found}) == len(found)


_RAW = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def test_the_authoritys_key_is_gone(issued: BottleCertificates) -> None:
    LocalAuthority().issue("demo-abc12", HOSTS, NOW)
    assert not [item for item in gc.get_objects() if isinstance(item, certificates._Issuer)]


def test_ten_hosts_take_no_noticeable_time() -> None:
    hosts = [f"host-{number}.example.com" for number in range(10)]
    LocalAuthority().issue("demo-abc12", hosts, NOW)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        LocalAuthority().issue("demo-abc12", hosts, NOW)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.02


# --- whether they are believed ---


def openssl(files: Path, number: int, *name: str) -> subprocess.CompletedProcess[str]:
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(files / "ca.pem")]
    return subprocess.run([*command, *name, str(files / f"{number}.pem")], capture_output=True, text=True, check=False)


def name_option(host: str) -> list[str]:
    if ":" in host or host[0].isdigit():
        return ["-verify_ip", host]
    return ["-verify_hostname", host.replace("*", "sub")]


@pytest.mark.parametrize("number", range(len(HOSTS)))
def test_openssl_verifies_every_leaf_strictly(files: Path, number: int) -> None:
    require("openssl")
    done = openssl(files, number, *name_option(HOSTS[number]))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("hosts", "elsewhere"),
    [
        (["api.example.com"], "bank.example"),
        (["api.example.com"], "example.com"),
        (["api.example.com"], "evilapi.example.com"),
        (["*.example.org"], "example.net"),
        (["api.example.com"], "192.0.2.7"),
        (["api.example.com"], "2001:db8::7"),
        (["192.0.2.7"], "192.0.2.8"),
        (["192.0.2.7"], "2001:db8::7"),
        (["192.0.2.7"], "bank.example"),
        ([], "bank.example"),
        ([], "192.0.2.7"),
    ],
)
def test_a_stolen_authority_is_worthless_elsewhere(tmp_path: Path, hosts: list[str], elsewhere: str) -> None:
    require("openssl")
    stolen(hosts, elsewhere, tmp_path)
    done = openssl(tmp_path, 0, *name_option(elsewhere))
    assert done.returncode != 0
    assert "subtree violation" in done.stderr


SERVED = [("api.example.com", 0), ("sub.example.org", 1), (LONG, 3), ("xn--bcher-kva.example", 4), ("127.0.0.1", 5)]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(("name", "number"), SERVED)
def test_clients_believe_a_leaf_for_its_host(files: Path, client: str, name: str, number: int) -> None:
    with serving(files / f"{number}.pem") as port:
        assert CLIENTS[client](port, name, files / "ca.pem")


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_believe_no_leaf_for_another_host(files: Path, client: str) -> None:
    with serving(files / "0.pem") as port:
        assert not CLIENTS[client](port, "sub.example.org", files / "ca.pem")


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_believe_no_stolen_authority_elsewhere(tmp_path: Path, client: str) -> None:
    stolen(["api.example.com"], "bank.example", tmp_path)
    with serving(tmp_path / "0.pem") as port:
        assert not CLIENTS[client](port, "bank.example", tmp_path / "ca.pem")
