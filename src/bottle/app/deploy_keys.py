"""Deploy keys: made for one bottle at its start, gone from the forge at its end, however it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bottle.domain.errors import BottleError

if TYPE_CHECKING:
    from bottle.app.ports import World
    from bottle.domain.plan import BottlePlan


def issue_deploy_keys(world: World, plan: BottlePlan) -> dict[str, str]:
    """A new private key for each remote that wants one, by host. Raises ProvisionError, SecretMissingError."""
    issued: dict[str, str] = {}
    for slot in plan.deploy_slots:
        world.progress.step(f"registering a key for this bottle at {slot.host}")
        token = world.credentials.value(slot.token_ref)
        issued[slot.host] = world.deploy_keys.issue(plan.identity, slot.host, plan.remotes[slot.host], token)
    return issued


def withdraw_deploy_keys(world: World, identity: str) -> None:
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
