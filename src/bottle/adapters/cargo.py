"""Whether a cargo holds what its plan asks for."""

from bottle.app.ports import Cargo
from bottle.domain.environment import Verbatim
from bottle.domain.errors import ProvisionError
from bottle.domain.plan import BottlePlan


def require_complete(plan: BottlePlan, cargo: Cargo) -> None:
    """Raises ProvisionError for a value of the environment, a secret, a certificate or a room that did not come."""
    for item in plan.env:
        if not isinstance(item.entry, Verbatim) and item.name not in cargo.env:
            raise ProvisionError(f"no value came for the environment variable {item.name}")
    for host, remote in plan.remotes.items():
        if (remote.identity_file or remote.token_ref or remote.deploy_key) and not cargo.git_secrets.get(host):
            raise ProvisionError(f"no key came for the git remote {host}")
    if plan.supervise and cargo.rooms is None:
        raise ProvisionError("no directories came for what the agent asks")
    for route in plan.policy.routes:
        if route.inject is not None and route.inject.slot not in cargo.secrets:
            raise ProvisionError(f"no secret came for {route.inject.slot}")
        if route.scheme == "https" and not route.is_tunnel and route.host.text not in cargo.certificates.leaves:
            raise ProvisionError(f"no certificate came for {route.host.text}")
