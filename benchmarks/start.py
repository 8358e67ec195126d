"""How long a warm start takes, beside the floor: the same containers and networks by bare SDK calls.

    python -m benchmarks.start [rounds]

The floor makes the two networks and the two containers, starts them and waits until the sidecar serves, with the same
threads, and runs one command; it furnishes nothing and proves nothing. Both are measured in turns, from the first call
to the end of the first command inside. Prints medians in milliseconds and the ratio (bound: 1.25).
"""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
from docker.types import IPAMConfig, IPAMPool

from bottle.adapters.docker import containers, sidecar
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.names import Names, Owned
from bottle.adapters.docker.networks import Subnets
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.plan import BottlePlan
from tests.support import bottles

BOUND = 1.25
OWNER = "bench"


def floor(client: docker.APIClient, plan: BottlePlan, audit: Path) -> float:
    """Two networks, two containers, the sidecar ready, one command."""
    names, owned = Names(plan.identity), Owned(OWNER, plan.identity)
    subnets = Subnets.of(names, 0)
    cargo = bottles.a_cargo()
    api: Any = client
    began = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:

        def network(name: str, subnet: str, internal: bool) -> None:
            pools = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
            options = {"com.docker.network.bridge.inhibit_ipv4": "true"} if internal else {}
            client.create_network(
                name, "bridge", ipam=pools, internal=internal, options=options, labels=owned.labels("network")
            )

        def create(name: str, body: dict[str, Any]) -> str:
            return str(api.create_container_from_config(body, name)["Id"])

        host = containers.Host(cpus=2)
        nets = [
            pool.submit(network, names.network, str(subnets.internal.network), True),
            pool.submit(network, names.egress_network, str(subnets.egress.network), False),
        ]
        box_made = pool.submit(create, names.box, containers.box(plan, names, owned, subnets, host))
        side_made = pool.submit(create, names.sidecar, containers.sidecar(plan, names, owned, subnets, audit))
        for future in nets:
            future.result()
        side, box = side_made.result(), box_made.result()
        client.connect_container_to_network(side, names.egress_network)
        box_started = pool.submit(client.start, box)
        control = sidecar.Control(Engine(client), side)
        client.start(side)
        control.start(sidecar.document(plan, cargo, subnets.internal.sidecar, answers_names=True), 0)
        box_started.result()
    run = client.exec_create(box, ["true"], user="node")
    client.exec_start(run["Id"])
    took = time.perf_counter() - began
    control.close()
    return took


def bottle(backend: Any, plan: BottlePlan, audit: Path) -> float:
    """What `bottle start` does between the images and the agent, and one command."""
    began = time.perf_counter()
    launched = backend.launch(plan, bottles.a_cargo(), audit, FakeProgress(), bottles.never)
    launched.run(["true"])
    return time.perf_counter() - began


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    images = bottles.images_for_tests()
    backend = bottles.docker_backend(OWNER)
    client: Any = docker.APIClient()
    bottles.certificates()
    times: dict[str, list[float]] = {"floor": [], "bottle": []}
    for number in range(rounds + 1):
        for name in times:
            plan = bottles.a_plan(images)
            with bottles.audit_directory() as audit:
                try:
                    took = floor(client, plan, audit) if name == "floor" else bottle(backend, plan, audit)
                finally:
                    backend.destroy(plan.identity)
            if number:  # the first round warms both up
                times[name].append(took * 1000)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    ratio = medians["bottle"] / medians["floor"]
    for name, taken in times.items():
        print(f"{name:7} {medians[name]:6.0f} ms  ({min(taken):.0f}-{max(taken):.0f}, {len(taken)} rounds)")
    print(f"ratio   {ratio:6.2f}     (bound {BOUND})")


if __name__ == "__main__":
    main()
