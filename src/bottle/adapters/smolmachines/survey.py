"""What this host has for machines: the `smolvm` program; read, never tried."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from bottle.adapters.bubblewrap.ground import Unfit
from bottle.adapters.smolmachines import smolvm
from bottle.adapters.smolmachines.beside import Beside
from bottle.adapters.smolmachines.smolvm import FLOOR, Smolvm
from bottle.domain.errors import BackendError
from bottle.domain.plan import Wall

_KVM: Final = Path("/dev/kvm")

WALLS: Final = (
    Wall("network", "the machine has no network device; the sidecar's socket is mounted in"),
    Wall("neighbours", "every bottle has a machine of its own"),
    Wall("names", "nobody answers; the proxy resolves"),
    Wall("way out", "the sidecar at egress:8888, which judges every request"),
    Wall("files", "the machine's own disk; nothing of the host's is mounted"),
    Wall("user", "node, without capabilities, no new privileges, no new namespaces"),
    Wall("system calls", "a seccomp filter of bottle's own, against the machine's kernel"),
    Wall("limits", "memory and processors of the machine; processes of the agent"),
    Wall("kernel", "one of its own, behind the processor's virtualisation"),
)


@frozen
class Site:
    """A `smolvm` that can be used here, and where its machines' sidecars run: new ones in the first of these places."""

    smolvm: Smolvm
    version: str
    places: Sequence[Beside]

    @property
    def beside(self) -> Beside:
        return self.places[0]


def survey(environ: Mapping[str, str], places: Callable[[], Sequence[Beside] | Unfit]) -> Site | Unfit:
    """`places` is asked where there is a `smolvm`. Raises nothing."""
    found = smolvm.find(environ)
    if found is None:
        return Unfit("there is no smolvm on the PATH", "install it (https://github.com/smol-machines/smolvm)")
    try:
        version = found.version()
    except BackendError as error:
        return Unfit(str(error), "install smolvm anew")
    words, floor = (".".join(map(str, numbers)) for numbers in (version, FLOOR))
    if version < FLOOR:
        return Unfit(f"smolvm {words} is too old", f"bottle needs smolvm {floor} or later")
    beneath = places()
    return beneath if isinstance(beneath, Unfit) else Site(found, words, beneath)


def notes() -> tuple[str, ...]:
    """What will keep a machine from starting, as far as it can be seen."""
    if platform.system() == "Linux" and not os.access(_KVM, os.R_OK | os.W_OK):
        return (f"{_KVM} cannot be used by this user: machines need it",)
    return ()
