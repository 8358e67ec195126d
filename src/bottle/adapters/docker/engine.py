"""The engine's calls that bottle uses, typed; whatever fails is a BottleError."""

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from attrs import frozen
from docker import APIClient
from docker.types import IPAMConfig, IPAMPool

from bottle.adapters.docker.failures import GoneError, speaking
from bottle.adapters.docker.names import IDENTITY_LABEL, ROLE_LABEL, SERVICES_LABEL, Subnet
from bottle.adapters.docker.streams import Channel

Json = dict[str, Any]


@frozen
class Container:
    """A container as a listing shows it."""

    id: str
    name: str
    identity: str
    role: str
    running: bool
    services: tuple[str, ...] = ()
    """What a sidecar serves."""


@frozen
class Network:
    """A network as a listing shows it."""

    id: str
    name: str
    identity: str


@frozen
class Volume:
    """A volume as a listing shows it."""

    name: str
    identity: str


class Engine:
    """One engine. May be used by several threads."""

    def __init__(self, client: APIClient) -> None:
        self.client = client

    def version(self) -> Json:
        with speaking():
            return dict(self.client.version())

    def info(self) -> Json:
        with speaking():
            return dict(self.client.info())

    def create_network(
        self, name: str, subnet: Subnet, labels: Mapping[str, str], options: Mapping[str, str], *, internal: bool
    ) -> str:
        """Its id. Raises ConflictError when the name is taken, OverlapError when the subnet is."""
        pool = IPAMPool(subnet=str(subnet.network), gateway=subnet.gateway)
        with speaking():
            made = self.client.create_network(
                name,
                driver="bridge",
                options=dict(options),
                ipam=IPAMConfig(pool_configs=[pool]),
                check_duplicate=True,
                internal=internal,
                labels=dict(labels),
                enable_ipv6=False,
            )
        return str(made["Id"])

    def connect(self, container: str, network: str, address: str) -> None:
        """Puts a container that is not running yet on one more network."""
        with speaking():
            self.client.connect_container_to_network(container, network, ipv4_address=address)

    def create_container(self, name: str, body: Json) -> str:
        """Its id. Raises ConflictError when the name is taken, GoneError when the image is missing."""
        with speaking():
            made = _untyped(self.client).create_container_from_config(body, name)
        return str(made["Id"])

    def start(self, container: str) -> None:
        with speaking():
            self.client.start(container)

    def inspect(self, container: str) -> Json:
        with speaking():
            return dict(self.client.inspect_container(container))

    def signal(self, container: str, name: str) -> None:
        """Sends the signal to the container's first process."""
        with speaking():
            self.client.kill(container, name)

    def running(self, container: str) -> bool:
        """Whether the container exists and runs."""
        try:
            return bool(self.inspect(container)["State"]["Running"])
        except GoneError:
            return False

    def put(self, container: str, archive: Iterable[bytes]) -> None:
        """Unpacks a tar over the container's root."""
        with speaking():
            self.client.put_archive(container, "/", archive)

    def file(self, container: str, path: str, links: int = 8) -> bytes | None:
        """One file of the container, some links followed; None when there is none."""
        try:
            with speaking():
                chunks, _ = self.client.get_archive(container, path)
                packed = io.BytesIO(b"".join(chunks))
        except GoneError:
            return None
        with tarfile.open(fileobj=packed) as archive:
            member = archive.next()
            if member is not None and member.issym():
                return self.file(container, _linked(path, member.linkname), links - 1) if links else None
            content = archive.extractfile(member) if member is not None and member.isfile() else None
            return content.read() if content is not None else None

    def attach(self, container: str) -> Channel:
        """The standard streams of a container's first process, from now on."""
        with speaking():
            params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            return Channel(self.client.attach_socket(container, params))

    def create_exec(
        self, container: str, argv: Sequence[str], *, user: str, tty: bool = False, env: Mapping[str, str] | None = None
    ) -> str:
        # The engine swallows its detach keys from a terminal's input, by default Ctrl-P: a sequence that nobody types.
        keys = "ctrl-^,ctrl-@,ctrl-^,ctrl-@" if tty else None
        with speaking():
            made = self.client.exec_create(
                container, list(argv), stdin=True, tty=tty, user=user, environment=dict(env or {}), detach_keys=keys
            )
        return str(made["Id"])

    def start_exec(self, exec_id: str, *, tty: bool = False) -> Channel:
        with speaking():
            return Channel(self.client.exec_start(exec_id, tty=tty, socket=True))

    def exec_status(self, exec_id: str) -> int | None:
        """The exit status; None while it runs."""
        with speaking():
            state = self.client.exec_inspect(exec_id)
        return None if state["Running"] or state["ExitCode"] is None else int(state["ExitCode"])

    def resize_exec(self, exec_id: str, rows: int, columns: int) -> None:
        with speaking():
            self.client.exec_resize(exec_id, height=rows, width=columns)

    def logs(self, container: str, lines: int | None = None) -> bytes:
        """What the container said so far, or its last lines."""
        with speaking():
            return bytes(self.client.logs(container, tail=lines if lines is not None else "all"))

    def containers(self, filters: Mapping[str, list[str]]) -> Sequence[Container]:
        """All that carry the labels, running or not, by name."""
        with speaking():
            listed = self.client.containers(all=True, filters=dict(filters))
        found = (
            Container(
                id=item["Id"],
                name=item["Names"][0].lstrip("/") if item.get("Names") else item["Id"][:12],
                identity=item["Labels"].get(IDENTITY_LABEL, ""),
                role=item["Labels"].get(ROLE_LABEL, ""),
                running=item["State"] == "running",
                services=tuple(item["Labels"].get(SERVICES_LABEL, "").split()),
            )
            for item in listed
        )
        return sorted(found, key=lambda container: container.name)

    def networks(self, filters: Mapping[str, list[str]]) -> Sequence[Network]:
        """All that carry the labels, by name."""
        with speaking():
            listed = self.client.networks(filters=dict(filters))
        found = (Network(item["Id"], item["Name"], (item["Labels"] or {}).get(IDENTITY_LABEL, "")) for item in listed)
        return sorted(found, key=lambda network: network.name)

    def volumes(self, filters: Mapping[str, list[str]]) -> Sequence[Volume]:
        """All that carry the labels, by name."""
        with speaking():
            listed = self.client.volumes(filters=dict(filters))["Volumes"] or ()
        found = (Volume(item["Name"], (item["Labels"] or {}).get(IDENTITY_LABEL, "")) for item in listed)
        return sorted(found, key=lambda volume: volume.name)

    def remove_container(self, container: str) -> None:
        with speaking():
            self.client.remove_container(container, v=True, force=True)

    def remove_network(self, network: str) -> None:
        with speaking():
            self.client.remove_network(network)

    def remove_volume(self, name: str) -> None:
        with speaking():
            self.client.remove_volume(name)

    def image_id(self, tag: str) -> str | None:
        """The id of an image that is there; None when it is not."""
        try:
            with speaking():
                return str(_untyped(self.client).inspect_image(tag)["Id"])
        except GoneError:
            return None

    def image_ids(self) -> frozenset[str]:
        """The digests of all images, layers of builds included."""
        with speaking():
            return frozenset(str(image).removeprefix("sha256:") for image in self.client.images(quiet=True, all=True))

    def image_tags(self, filters: Mapping[str, list[str]]) -> Sequence[str]:
        """The names of all images that carry the labels, sorted."""
        with speaking():
            listed = self.client.images(filters=dict(filters))
        return sorted(tag for item in listed for tag in item["RepoTags"] or () if tag != "<none>:<none>")

    def remove_tag(self, tag: str) -> None:
        """Takes the name from an image; with its last one it goes. Raises BackendError when a container needs it."""
        with speaking():
            self.client.remove_image(tag)

    def remove_untagged(self, image: str) -> None:
        """Removes an image that has no name. Raises BackendError when something stands on it."""
        with speaking():
            if not _untyped(self.client).inspect_image(image)["RepoTags"]:
                self.client.remove_image(image)

    def commit(self, container: str, tag: str, changes: Sequence[str]) -> None:
        """Makes an image of a container, with these instructions of a Dockerfile."""
        repository, _, version = tag.rpartition(":")
        with speaking():
            self.client.commit(container, repository, version, changes=list(changes))

    def saved(self, tag: str) -> Iterator[bytes]:
        """The image as `docker save` writes it."""
        with speaking():
            yield from self.client.get_image(tag)

    def build(self, context: Iterable[bytes], **options: Any) -> Iterator[Json]:
        """The builder's messages as they come."""
        with (
            speaking(),
            closing(_untyped(self.client).build(fileobj=context, custom_context=True, decode=True, **options)) as told,
        ):
            yield from told


def _untyped(client: APIClient) -> Any:
    """The client where its stubs know less than it does."""
    return client


def _linked(path: str, target: str) -> str:
    return target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}"
