"""Deploy keys: made for one bottle at its start, gone from the forge at its end, however it ended."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from bottle.domain.deploy_keys import DeployKey
from bottle.domain.errors import BottleError
from bottle.domain.manifest import Remote
from bottle.domain.plan import BottlePlan

if TYPE_CHECKING:
    from bottle.app.ports import World


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


def issue_deploy_keys(world: "World", plan: BottlePlan) -> dict[str, str]:
    """A new private key for each remote that wants one, by host. Raises ProvisionError, SecretMissingError."""
    issued: dict[str, str] = {}
    for slot in plan.deploy_slots:
        world.progress.step(f"registering a key for this bottle at {slot.host}")
        token = world.credentials.value(slot.token_ref)
        issued[slot.host] = world.deploy_keys.issue(plan.identity, slot.host, plan.remotes[slot.host], token)
    return issued


def withdraw_deploy_keys(world: "World", identity: str) -> None:
    """Removes what the bottle has at forges; may be repeated. Tries all, then raises the first BottleError."""
    failures: list[BottleError] = []
    for key in world.deploy_keys.registered(identity):
        try:
            world.deploy_keys.withdraw(identity, key, world.credentials.value(key.token_ref))
        except BottleError as error:
            error.add_note(f"{key.repository} at {key.url} still has the key '{key.title}'")
            failures.append(error)
    if failures:
        raise failures[0]
