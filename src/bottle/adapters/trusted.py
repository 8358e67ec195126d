"""The roots that a box with an image of its own trusts: the image's, and the bottle's authority beside them."""

from bottle.adapters.der import certificates_in
from bottle.adapters.java_store import java_store
from bottle.domain.errors import ProvisionError
from bottle.domain.provision import CA_BUNDLE, CA_FILE, JAVA_STORE, ROOT, GuestFile


def trusted(authority: str, bundle: bytes) -> tuple[GuestFile, ...]:
    """The files that say so. Composed here, which saves a second inside. Raises ProvisionError for an `authority` that
    is no certificate (PEM); `bundle` is the image's own (PEM)."""
    if "-----BEGIN CERTIFICATE-----" not in authority:
        raise ProvisionError("the bottle's authority is no certificate")
    certificate = authority.strip().encode() + b"\n"
    pem = bundle.rstrip() + b"\n" + certificate
    return (
        GuestFile(CA_FILE, certificate, mode=0o644, owner=ROOT),
        GuestFile(CA_BUNDLE, pem, mode=0o644, owner=ROOT),
        GuestFile(JAVA_STORE, java_store(certificates_in(pem)), mode=0o644, owner=ROOT),
    )
