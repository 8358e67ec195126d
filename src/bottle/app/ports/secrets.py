"""What proves who somebody is: certificates, credentials, keys, logins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    from bottle.domain.deploy_keys import DeployKey
    from bottle.domain.errors import BottleError
    from bottle.domain.manifest import Remote
    from bottle.domain.provider import HostLogin


@frozen
class BottleCertificates:
    """One bottle's own authority. `authority` is the certificate (PEM) that the box trusts, `fingerprint` its SHA-256
    (of the DER, hexadecimal); `leaves` are chain and private key (PEM) by host pattern. `key` is the authority's own
    (PEM) where it was asked for; else that is gone once this exists."""

    authority: str
    fingerprint: str
    leaves: Mapping[str, str] = field(repr=False)
    key: str = field(default="", repr=False)


class CertificateAuthority(Protocol):
    """Makes a new authority for one bottle."""

    def issue(
        self, identity: str, hosts: Iterable[str], now: datetime, *, extensible: bool = False
    ) -> BottleCertificates:
        """Certificates for the host patterns, valid from a day before `now` (clocks differ) for a year.

        `extensible`: the key is returned too, and more hosts can be had from it. Without, the authority can speak for
        these hosts and no others.
        """

    def extend(self, authority: str, key: str, hosts: Iterable[str]) -> Mapping[str, str]:
        """Further leaves (chain and private key, PEM) by host pattern, of an authority that was issued as extensible;
        valid as long as it is."""


class Credentials(Protocol):
    """The host's secrets, by the name of the variable that holds them."""

    def available(self, names: Iterable[str]) -> frozenset[str]:
        """Which of the names are set to something; no value is looked at further."""

    def value(self, name: str) -> str:
        """The value for a header. Raises SecretMissingError, naming the variable, when it is unset, empty, or holds
        what no header can carry."""

    def variable(self, name: str) -> str:
        """The value for the agent's environment, as it is. Raises SecretMissingError when it is unset or empty."""


class GitKeys(Protocol):
    """The private keys that git remotes over SSH name."""

    def fault(self, host: str, remote: Remote) -> BottleError | None:
        """What `key` would raise; None where it would not."""

    def key(self, host: str, remote: Remote) -> str:
        """The key, in its armour; empty for an upstream that needs none or is given one of its own.

        Raises ManifestError where the manifest names too little, SecretMissingError for a file that is missing,
        unreadable, open to others, no key, or encrypted.
        """


class DeployKeys(Protocol):
    """Keys at forges, and a record of them in the state of their bottle: never a token, never a private key."""

    def issue(self, identity: str, host: str, remote: Remote, token: str) -> str:
        """Makes a key pair and registers its public half for the repository; the private half (OpenSSH's armour).

        What is about to be registered is written down first, so that nothing is ever there that nobody knows of.
        Raises ProvisionError.
        """

    def registered(self, identity: str) -> Sequence[DeployKey]:
        """What is written down and was not withdrawn. Raises ConflictError for a record that is damaged."""

    def withdraw(self, identity: str, key: DeployKey, token: str) -> None:
        """Removes the key from its repository, unless it is gone, and then from the record. Raises ProvisionError;
        then it stays in the record."""


class Login(Protocol):
    """An agent program's own login on this host."""

    def look(self) -> HostLogin:
        """Who is logged in, by reading alone. Raises SecretMissingError, with the command that logs in, when nobody is
        or the token ends too soon to be of use."""
