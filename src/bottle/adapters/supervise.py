"""What every backend tells the server that a stuck agent asks."""

from bottle.domain.listen import Listen
from bottle.domain.plan import BottlePlan
from bottle.domain.strict_json import JsonObject
from bottle.domain.supervise_files import SuperviseStart, start_document

NAME = "supervise"
ASKED = "/supervise/asked"
TOLD = "/supervise/told"


def document(plan: BottlePlan, listen: Listen, *, tied: bool) -> JsonObject:
    """The server's whole configuration. It holds no secret."""
    return start_document(SuperviseStart(plan.identity, listen, ASKED, TOLD, tied))
