"""What everything of one bottle is called and labelled, and where its two networks lie."""

import hashlib
import ipaddress
from collections.abc import Mapping

from attrs import frozen

IDENTITY_LABEL = "bot-bottle.identity"
OWNER_LABEL = "bot-bottle.owner"
ROLE_LABEL = "bot-bottle.role"
SERVICES_LABEL = "bot-bottle.services"
"""On a sidecar: the programs that it has, with spaces between."""
LAUNCH_LABEL = "bot-bottle.launch"
"""Set apart one launch from another of the same identity: whoever loses a race removes its own things alone."""

BUILDER_LABEL = "bot-bottle.built-by"
"""On images. Not the owner's: a container has its image's labels too, and would pass for one of the owner's bottles."""

BOX = "box"
SIDECAR = "sidecar"

# Docker's default pools hold about 31 networks; these addresses (RFC 2544) are nobody's and give 16384 small ones.
_POOL = ipaddress.IPv4Network("198.18.0.0/15")
_PREFIX = 29


@frozen
class Names:
    """The names of one bottle's things."""

    identity: str

    @property
    def box(self) -> str:
        return f"bot-bottle-{self.identity}"

    @property
    def sidecar(self) -> str:
        return f"{self.box}-sidecar"

    @property
    def seal(self) -> str:
        """What closes the box's network stack, and is gone before the agent comes."""
        return f"{self.box}-seal"

    @property
    def network(self) -> str:
        """The internal network, on which the box is."""
        return self.box

    @property
    def egress_network(self) -> str:
        """The network of the sidecar's way out."""
        return f"{self.box}-egress"


@frozen
class Owned:
    """The labels by which things are found again. `launch` is left out of what is asked for by identity alone."""

    owner: str
    identity: str = ""
    launch: str = ""

    def labels(self, role: str) -> dict[str, str]:
        """What a new thing is labelled with."""
        return {**self._pairs(), ROLE_LABEL: role}

    def filters(self) -> Mapping[str, list[str]]:
        """What the engine is asked for: things that carry all of these labels, and an identity whichever it is."""
        return {"label": [IDENTITY_LABEL, *(f"{name}={value}" for name, value in self._pairs().items())]}

    def _pairs(self) -> dict[str, str]:
        pairs = {OWNER_LABEL: self.owner, IDENTITY_LABEL: self.identity, LAUNCH_LABEL: self.launch}
        return {name: value for name, value in pairs.items() if value}


@frozen
class Subnet:
    """A network of eight addresses. Nobody has the gateway's address in the internal one."""

    network: ipaddress.IPv4Network

    @property
    def gateway(self) -> str:
        return str(self.network[1])

    @property
    def sidecar(self) -> str:
        return str(self.network[2])

    @property
    def box(self) -> str:
        return str(self.network[3])


def subnet_for(name: str, attempt: int) -> Subnet:
    """The subnet that a network of this name tries to get: the same one every time, another one for each attempt."""
    digest = hashlib.sha256(f"{name} {attempt}".encode()).digest()
    blocks = 2 ** (_PREFIX - _POOL.prefixlen)
    start = int(_POOL.network_address) + int.from_bytes(digest[:4], "big") % blocks * 2 ** (32 - _PREFIX)
    return Subnet(ipaddress.IPv4Network((start, _PREFIX)))
