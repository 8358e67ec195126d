"""One bottle's own certificate authority, which can speak for the bottle's hosts and for nothing else.

That of a supervised bottle may come to speak for hosts that its operator adds, so it names none; its key is then the
host's to keep (docs/decisions/0015)."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bottle.app.ports import BottleCertificates
from bottle.domain.hosts import address_of

CLOCKS_DIFFER = timedelta(days=1)
LIFETIME = timedelta(days=365)
"""Clients refuse server certificates above 398 days (CA/Browser Forum Baseline Requirements 6.3.2)."""

_NOWHERE = "bottle.invalid"
"""A name that nobody can have (RFC 2606 2), for an authority without DNS hosts: an empty list permits every name."""
_EVERY_ADDRESS = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


class LocalAuthority:
    """ports.CertificateAuthority on P-256. Each issue makes a new authority, whose key is gone when it returns unless
    it is asked for."""

    def issue(
        self, identity: str, hosts: Iterable[str], now: datetime, *, extensible: bool = False
    ) -> BottleCertificates:
        """Each leaf is one certificate and its key; the authority is not in it, for the box trusts that already."""
        patterns = tuple(dict.fromkeys(hosts))
        issuer = _make_issuer(identity, None if extensible else patterns, now)
        return BottleCertificates(
            authority=_pem(issuer.certificate),
            fingerprint=issuer.certificate.fingerprint(hashes.SHA256()).hex(),
            leaves={pattern: _leaf(issuer, pattern) for pattern in patterns},
            key=_key_pem(issuer.key) if extensible else "",
        )

    def extend(self, authority: str, key: str, hosts: Iterable[str]) -> Mapping[str, str]:
        loaded = serialization.load_pem_private_key(key.encode(), password=None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise TypeError("no key that this authority made")
        issuer = _Issuer(x509.load_pem_x509_certificate(authority.encode()), loaded)
        return {pattern: _leaf(issuer, pattern) for pattern in dict.fromkeys(hosts)}


@frozen
class _Issuer:
    """The authority while it issues."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def _make_issuer(identity: str, patterns: Sequence[str] | None, now: datetime) -> _Issuer:
    """`patterns` are the hosts that it may ever speak for, None where nobody can know them yet."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "bot-bottle"),
            x509.NameAttribute(NameOID.COMMON_NAME, identity),
        ]
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    start = now - CLOCKS_DIFFER
    builder = (
        _builder(name, name, key.public_key(), start, start + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    if patterns is not None:
        builder = builder.add_extension(_constraints(patterns), critical=True)
    return _Issuer(builder.sign(key, hashes.SHA256()), key)


def _leaf(issuer: _Issuer, pattern: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    authority = issuer.certificate
    issuing = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    # No common name: it is limited to 64 characters, which host names are not, and no client reads it beside a SAN.
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "bot-bottle")])
    certificate = (
        _builder(
            subject, authority.subject, key.public_key(), authority.not_valid_before_utc, authority.not_valid_after_utc
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_name(pattern)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuing), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )
    return _pem(certificate) + _key_pem(key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _name(pattern: str) -> x509.GeneralName:
    address = address_of(pattern)
    return x509.DNSName(pattern) if address is None else x509.IPAddress(address)


def _constraints(patterns: Iterable[str]) -> x509.NameConstraints:
    """Permits the hosts and nothing else. A DNS name includes what is below it: RFC 5280 4.2.1.10 has no narrower form.

    A kind of name without an entry is permitted as a whole, so there is always one for DNS names and one for addresses.
    """
    names: list[x509.GeneralName] = []
    addresses: list[x509.GeneralName] = []
    for pattern in patterns:
        address = address_of(pattern)
        if address is None:
            names.append(x509.DNSName(pattern.removeprefix("*.")))
        else:
            addresses.append(x509.IPAddress(ipaddress.ip_network(address)))
    return x509.NameConstraints(
        permitted_subtrees=[*(names or [x509.DNSName(_NOWHERE)]), *addresses],
        excluded_subtrees=None if addresses else [x509.IPAddress(network) for network in _EVERY_ADDRESS],
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    """An authority signs certificates, a leaf signs handshakes; nothing else (RFC 5280 4.2.1.3)."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")
