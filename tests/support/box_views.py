"""A bottle's containers seen from outside, with the engine's full power: what no inhabitant could hide."""

import ipaddress
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import docker
from attrs import define, field
from docker.errors import DockerException, NotFound
from docker.models.containers import Container

from bottle.adapters.docker.connection import connect, endpoint
from bottle.domain.errors import BottleError
from tests.support.host_traps import can_bind
from tests.support.token_hunt import CHUNK, Hunt, as_file
from tests.support.views import Place

BASE_IMAGE = "debian:bookworm-slim"
IDENTITY_LABEL = "bot-bottle.identity"
READ = b"\n@read "
PROCESS_FILES = """
for process in /proc/[0-9]*; do
  if cat "$process/environ" 2>/dev/null; then printf '\\n@read %s\\n' "${process#/proc/}"; fi
  cat "$process/cmdline" 2>/dev/null
done
true
"""


@define
class EngineViews:
    """What one engine shows."""

    client: "docker.DockerClient" = field(repr=False)
    backend: str = "docker"
    ordinary: str = "an ordinary container"
    shown: str = "inspect, top, logs"
    nothing: str = "container, network, volume, process"
    certain: str = IDENTITY_LABEL

    def within(self, env: Mapping[str, str]) -> Self:
        return self

    def place(self) -> Place:
        try:
            address = gateway(self.client)
        except (DockerException, KeyError, IndexError) as error:
            raise OSError("the engine has no ordinary network called bridge") from error
        if can_bind(address):
            return Place(address, address)
        # The engine runs in a machine of its own (Docker Desktop, Colima): it has a name for this host's loopback.
        try:
            answer = self._probe(BASE_IMAGE, ["getent", "ahostsv4", "host.docker.internal"])
        except (DockerException, AssertionError) as error:
            raise OSError(f"containers know no address of this host ({sys.platform})") from error
        return Place("127.0.0.1", answer.decode().split()[0])

    def require_reachable(self, place: Place, port: int) -> None:
        try:
            self._probe(BASE_IMAGE, ["timeout", "5", "bash", "-c", f": < /dev/tcp/{place.connect}/{port}"])
        except AssertionError as error:
            address = f"{place.connect} port {port}"
            raise OSError(f"containers cannot reach this host at {address}; does a firewall refuse them?") from error
        except DockerException as error:
            raise OSError(f"no container of {BASE_IMAGE} could be started: {error}") from error

    def is_running(self, identity: str) -> bool:
        return bool(self.containers(identity))

    def containers(self, identity: str) -> Sequence[Container]:
        """Box and sidecar, whichever exist, the box first."""
        found = self.client.containers.list(
            all=True, ignore_removed=True, filters={"label": f"{IDENTITY_LABEL}={identity}"}
        )
        return sorted(found, key=lambda one: str(one.name))

    def box(self, identity: str) -> Container:
        """The container that the agent is in."""
        return self.containers(identity)[0]

    def traces(self, identity: str) -> tuple[str, ...]:
        """The volumes that the bottle's containers use."""
        mounts = [mount for one in self.containers(identity) for mount in one.attrs["Mounts"]]
        return tuple(mount["Name"] for mount in mounts if mount["Type"] == "volume")

    def gateways(self, identity: str) -> tuple[str, ...]:
        """The host's addresses on the networks of the bottle's containers, whether or not it has them."""
        configs = [
            config
            for one in self.containers(identity)
            for name in one.attrs["NetworkSettings"]["Networks"]
            for config in self.client.networks.get(name).attrs["IPAM"]["Config"] or ()
        ]
        return tuple(dict.fromkeys(config["Gateway"] for config in configs if config.get("Gateway")))

    def remains(self, identity: str, traces: Iterable[str] = ()) -> tuple[str, ...]:
        """What carries the identity, as label or in its name, and which of the volumes are there."""
        containers = {str(one.name) for one in self.containers(identity)}
        named = self.client.containers.list(all=True, ignore_removed=True, filters={"name": identity})
        networks = {str(one.name) for one in self.client.networks.list(names=[identity])}
        labelled = self.client.networks.list(filters={"label": f"{IDENTITY_LABEL}={identity}"})
        return (
            *sorted(containers | {str(one.name) for one in named}),
            *sorted(networks | {str(one.name) for one in labelled}),
            *(name for name in traces if self._exists(name)),
        )

    def _exists(self, volume: str) -> bool:
        try:
            self.client.volumes.get(volume)
        except NotFound:
            return False
        return True

    def inspected(self, identity: str, hunt: Hunt) -> tuple[str, ...]:
        """Where `docker inspect`, `docker top` and `docker logs` of the bottle's containers show the secret."""
        found = []
        for one in self.containers(identity):
            one.reload()
            shown = {"inspect": str(one.attrs), "top": str(one.top(ps_args="axww")), "logs": one.logs().decode()}
            found += [f"{kind} of {one.name}" for kind, text in shown.items() if hunt.in_bytes(text.encode())]
        return tuple(found)

    def processes(self, identity: str, hunt: Hunt) -> tuple[tuple[str, ...], int]:
        """Which containers have the secret in a process's environment or arguments, and how many were read.

        Raises AssertionError when a container's first process could not be read.
        """
        found, count = [], 0
        for one in self.containers(identity):
            users = dict.fromkeys((one.attrs["Config"]["User"], "root"))
            read = b"".join(_output(one, user, ["sh", "-c", PROCESS_FILES]) for user in users)
            known = {part.split(b"\n")[0] for part in read.split(READ)[1:]}
            if b"1" not in known:
                raise AssertionError(f"{one.name}: its processes could not be read")
            found += [f"processes of {one.name} ({form})" for form in hunt.in_bytes(read)]
            count += len(known)
        return tuple(found), count

    def files(self, identity: str, hunt: Hunt) -> tuple[tuple[str, ...], int]:
        """The engine exports what is on disk whatever its mode; what is in memory alone is read by whoever may."""
        container = self.box(identity)
        sizes: list[int] = []

        def counted(chunks: Iterable[bytes]) -> Iterable[bytes]:
            for chunk in chunks:
                sizes.append(len(chunk))
                yield chunk

        found = hunt.in_tar(as_file(counted(_exported(container))))
        in_memory = " ".join(("/dev/shm", *(container.attrs["HostConfig"].get("Tmpfs") or ())))
        command = f"tar -cf - --ignore-failed-read {in_memory} 2>/dev/null; true"
        for user in dict.fromkeys((container.attrs["Config"]["User"], "root")):
            packed = _output(container, user, ["sh", "-c", command])
            found += hunt.in_tar(as_file(counted([packed])))
        return found, sum(sizes)

    def probe_beside(self, identity: str, argv: Sequence[str]) -> bytes:
        """In an ordinary container of the same image, on the engine's ordinary network; it leaves nothing."""
        return self._probe(str(self.box(identity).attrs["Image"]), argv)

    def close(self) -> None:
        self.client.close()

    def _probe(self, image: str, argv: Sequence[str]) -> bytes:
        made = self.client.containers.run(image, ["sleep", "300"], entrypoint=[], detach=True, network_mode="bridge")
        try:
            return _output(made, made.attrs["Config"]["User"], argv)
        finally:
            made.remove(force=True, v=True)


def _exported(container: Container) -> Iterable[bytes]:
    """The container's files on disk as a tar; the library's own types say text."""
    chunks: Iterable[Any] = container.export(CHUNK)
    return chunks


def _output(container: Container, user: str, argv: Sequence[str]) -> bytes:
    """What a command in a container printed. Raises AssertionError when it could not be run."""
    status, output = container.exec_run(list(argv), user=user, stderr=False)
    if status != 0 or not isinstance(output, bytes):
        raise AssertionError(f"{container.name}: {argv[0]} as {user}: status {status}")
    return output


def engine() -> EngineViews | str:
    """The engine that `bottle` itself would use, or why there is none."""
    try:
        connect(os.environ, Path.home()).close()
        client = docker.DockerClient(**endpoint(os.environ, Path.home()), timeout=120)
    except BottleError as error:
        return f"{error}; {error.hint}"
    return EngineViews(client)


def gateway(client: "docker.DockerClient") -> str:
    """The address of the host on the engine's ordinary network."""
    network: Mapping[str, Any] = client.networks.get("bridge").attrs
    config = network["IPAM"]["Config"][0]
    # An engine that chose the address itself may not say so: it is the subnet's first one.
    return str(config.get("Gateway") or ipaddress.ip_network(config["Subnet"])[1])
