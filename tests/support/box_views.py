"""A bottle's containers seen from outside, with the engine's full power: what no inhabitant could hide."""

import ipaddress
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import docker
from attrs import define, frozen
from docker.errors import DockerException, NotFound
from docker.models.containers import Container

from bottle.adapters.docker.connection import endpoint
from bottle.domain.errors import BottleError
from tests.support.token_hunt import CHUNK, Hunt, as_file

IDENTITY_LABEL = "bot-bottle.identity"
READ = b"\n@read "
PROCESS_FILES = """
for process in /proc/[0-9]*; do
  if cat "$process/environ" 2>/dev/null; then printf '\\n@read %s\\n' "${process#/proc/}"; fi
  cat "$process/cmdline" 2>/dev/null
done
true
"""


@frozen
class Remains:
    """What the engine still has of one bottle, by name."""

    containers: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.containers or self.networks or self.volumes)

    def __str__(self) -> str:
        return ", ".join((*self.containers, *self.networks, *self.volumes))


@define
class Views:
    """What one engine shows."""

    client: "docker.DockerClient"

    def containers(self, identity: str) -> Sequence[Container]:
        """Box and sidecar, whichever exist, the box first."""
        found = self.client.containers.list(
            all=True, ignore_removed=True, filters={"label": f"{IDENTITY_LABEL}={identity}"}
        )
        return sorted(found, key=lambda one: str(one.name))

    def box(self, identity: str) -> Container:
        """The container that the agent is in."""
        return self.containers(identity)[0]

    def volumes(self, identity: str) -> tuple[str, ...]:
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

    def remains(self, identity: str, volumes: Iterable[str] = ()) -> Remains:
        """What carries the identity, as label or in its name, and which of the volumes are there."""
        containers = {str(one.name) for one in self.containers(identity)}
        named = self.client.containers.list(all=True, ignore_removed=True, filters={"name": identity})
        networks = {str(one.name) for one in self.client.networks.list(names=[identity])}
        labelled = self.client.networks.list(filters={"label": f"{IDENTITY_LABEL}={identity}"})
        return Remains(
            tuple(sorted(containers | {str(one.name) for one in named})),
            tuple(sorted(networks | {str(one.name) for one in labelled})),
            tuple(name for name in volumes if self._exists(name)),
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

    def files(self, container: Container, hunt: Hunt) -> tuple[tuple[str, ...], int]:
        """The files of a container that hold the secret, and how many bytes were read.

        The engine exports what is on disk whatever its mode; what is in memory alone is read by whoever may.
        """
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

    def probe_outside(self, image: str, argv: Sequence[str]) -> bytes:
        """Runs a program in an ordinary container of the image on the engine's ordinary network; it leaves nothing."""
        made = self.client.containers.run(image, ["sleep", "300"], entrypoint=[], detach=True, network_mode="bridge")
        try:
            return _output(made, made.attrs["Config"]["User"], argv)
        finally:
            made.remove(force=True, v=True)

    def image_of(self, identity: str) -> str:
        """The image of the bottle's box."""
        return str(self.box(identity).attrs["Image"])


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


def engine() -> Views | None:
    """The engine that `bottle` itself would use, None when none answers."""
    try:
        client = docker.DockerClient(**endpoint(os.environ, Path.home()), timeout=120)
        client.ping()
    except (DockerException, BottleError):
        return None
    return Views(client)


def gateway(views: Views) -> str:
    """The address of the host on the engine's ordinary network."""
    network: Mapping[str, Any] = views.client.networks.get("bridge").attrs
    config = network["IPAM"]["Config"][0]
    # An engine that chose the address itself may not say so: it is the subnet's first one.
    return str(config.get("Gateway") or ipaddress.ip_network(config["Subnet"])[1])
