"""Where the sidecars of machines can run on this host: as processes, in containers, or nowhere."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from bottle.adapters.bubblewrap import ground
from bottle.adapters.bubblewrap.ground import Ground, Unfit
from bottle.adapters.bubblewrap.runtime import Runtimes
from bottle.adapters.bubblewrap.secret_rules import SecretRules
from bottle.adapters.smolmachines.archives import Archives
from bottle.adapters.smolmachines.beside import Beside
from bottle.adapters.smolmachines.containers import Containers
from bottle.adapters.smolmachines.processes import Processes
from bottle.domain.errors import BottleError

Look: TypeAlias = Callable[[Mapping[str, str]], Ground | Unfit]
"""Finds out whether processes of this host can be sidecars."""


def places(
    owner: str, environ: Mapping[str, str], archives: Archives, rules: SecretRules, look: Look = ground.survey
) -> Sequence[Beside] | Unfit:
    """All of them, for this owner's: what a host had yesterday may still serve a bottle. New ones take the first.

    Processes come before containers: the walls of these are an engine's, which is one more thing to trust.
    """
    found: list[Beside] = []
    beneath = look(environ)
    if not isinstance(beneath, Unfit):
        found.append(Processes(beneath, rules, Runtimes(owner, beneath.number)))
    try:
        docker = archives.engine()
        found.append(Containers(docker, docker.beside(owner), Runtimes(f"{owner} containers", ground.own_number())))
    except BottleError as error:
        if isinstance(beneath, Unfit):
            reason = (
                f"sidecars can run neither as processes of this host ({beneath.reason}) nor in containers ({error})"
            )
            return Unfit(reason, beneath.hint)
    return found
