"""A bottle's two networks: the one that leads nowhere, and the sidecar's way out."""

from concurrent.futures import Executor

from attrs import frozen

from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.failures import OverlapError
from bottle.adapters.docker.names import Names, Owned, Subnet, subnet_for
from bottle.domain.errors import BackendError

ATTEMPTS = 16
"""How many subnets are tried before the engine's refusal is believed."""


@frozen
class Subnets:
    """Where the networks of one attempt lie."""

    internal: Subnet
    egress: Subnet

    @classmethod
    def of(cls, names: Names, attempt: int) -> "Subnets":
        return cls(subnet_for(names.network, attempt), subnet_for(names.egress_network, attempt))


@frozen
class NetworkOptions:
    """How the box's network is made. The defaults are the walls; tests weaken them to see the probe refuse."""

    internal: bool = True
    # Without it, the bridge has an address of the host's, at which the box reaches every service on 0.0.0.0.
    inhibit_gateway: bool = True

    def driver_options(self) -> dict[str, str]:
        return {"com.docker.network.bridge.inhibit_ipv4": "true"} if self.inhibit_gateway else {}


def create_way_out(engine: Engine, names: Names, owned: Owned) -> Subnet:
    """Makes the network that leads out, alone, where a subnet is free. Raises ConflictError, BackendError."""
    for attempt in range(ATTEMPTS):
        subnet = subnet_for(names.egress_network, attempt)
        try:
            engine.create_network(names.egress_network, subnet, owned.labels("network"), {}, internal=False)
        except OverlapError:
            continue
        return subnet
    raise no_subnet()


def no_subnet() -> BackendError:
    hint = "`bottle cleanup` and `docker network prune` remove unused networks"
    return BackendError("no subnet is free", hint=hint)


def create(
    engine: Engine, names: Names, owned: Owned, subnets: Subnets, options: NetworkOptions, pool: Executor
) -> None:
    """Both networks, at the same time. Raises ConflictError, OverlapError; then one of them may be there."""
    labels = owned.labels("network")
    internal = pool.submit(
        engine.create_network,
        names.network,
        subnets.internal,
        labels,
        options.driver_options(),
        internal=options.internal,
    )
    egress = pool.submit(engine.create_network, names.egress_network, subnets.egress, labels, {}, internal=False)
    for future in (internal, egress):
        future.exception()
    for future in (internal, egress):
        future.result()
