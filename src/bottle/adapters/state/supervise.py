"""Proposals and answers as files of the bottle's state, in a directory beside its metadata.

`asked` is the server's to write into, so what lies there is opened as somebody else's and judged again; what was seen
once is kept (`seen`), so that nobody changes under an operator's eyes what the operator says yes to. `told` is ours,
and the server sees it read-only. Grants and the authority's key are for the owner's eyes alone.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from bottle.adapters import disk
from bottle.app.ports import Rooms
from bottle.domain.egress import Policy
from bottle.domain.errors import BottleError, ConflictError, NotFoundError
from bottle.domain.names import is_identity
from bottle.domain.strict_json import ConfigError, JsonObject
from bottle.domain.supervise import Asked, Decision, Grants, Proposal, is_proposal_id
from bottle.domain.supervise_files import (
    LONGEST_FILE,
    decision_document,
    decoded,
    grants_document,
    parse_decision,
    parse_grants,
    parse_proposal,
    proposal_document,
)

ROOM = "supervise"
RULES = "rules.json"
MOST_FILES = 1000
"""The server lays down fewer; a directory with more is not its work, and no operator is to wait for it."""
_GRANTS, _AUTHORITY, _KEY, _LOCK, _SEEN, _NOTICED = (
    *("grants.json", "authority.pem", "authority.key", "lock"),
    *("seen", "noticed"),
)
_LONGEST_GRANTS = 8 * 1024 * 1024


class SuperviseFiles:
    """ports.SuperviseStore under `root` (`~/.bot-bottle/state`)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, identity: str, grants: Grants, authority: str, key: str) -> Rooms:
        room = self._path(identity)
        with _failures(f"cannot make {room}"):
            room.mkdir(mode=0o700, exist_ok=True)  # a bottle that is resumed has its own
            for own in (_SEEN, _NOTICED):
                (room / own).mkdir(mode=0o700, exist_ok=True)
            rooms = Rooms(room / "asked", room / "told")
            rooms.asked.mkdir(exist_ok=True)
            # As with the trail's directory: the server's user is a container's or a subordinate one of the host's.
            rooms.asked.chmod(0o1777)
            rooms.told.mkdir(exist_ok=True)
            rooms.told.chmod(0o755)
            disk.write_whole(room / _AUTHORITY, authority.encode())
            disk.write_whole(room / _KEY, key.encode())
        self.keep(identity, grants, 0.0)
        return rooms

    def close(self, identity: str) -> None:
        with _failures(f"cannot remove the authority's key of {identity}"):
            (self._path(identity) / _KEY).unlink(missing_ok=True)

    @contextmanager
    def deciding(self, identity: str) -> Iterator[None]:
        with _failures(f"cannot lock {identity}"):
            try:
                descriptor = os.open(
                    self._path(identity) / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
                )
            except FileNotFoundError:
                raise _unsupervised(identity) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def asked(self, identity: str) -> Sequence[Asked]:
        room = self._path(identity)
        with _failures(f"cannot list the proposals of {identity}"):
            seen = _proposals(room / _SEEN, identity, frozenset(), None)
            new = _proposals(room / "asked", identity, frozenset(seen), max(MOST_FILES - len(seen), 0))
            for proposal in new.values():
                disk.write_whole(room / _SEEN / f"{proposal.id}.json", json.dumps(proposal_document(proposal)).encode())
        proposals = sorted({**new, **seen}.values(), key=lambda one: (one.asked_at, one.id))
        return [Asked(one, _decision(room / "told" / f"{one.id}.json", one.id)) for one in proposals]

    def tell(self, identity: str, decision: Decision) -> None:
        path = self._path(identity) / "told" / f"{decision.id}.json"
        with _failures(f"cannot write the answer to {decision.id}"):
            _publish(path, json.dumps(decision_document(decision)).encode())

    def grants(self, identity: str) -> Grants:
        path = self._path(identity) / _GRANTS
        with _failures(f"cannot read the grants of {identity}"):
            try:
                content = disk.read_regular(path, _LONGEST_GRANTS)
            except FileNotFoundError:
                raise _unsupervised(identity) from None
        try:
            return parse_grants(json.loads(content))
        except (ValueError, RecursionError) as error:
            raise ConflictError(f"{path}: damaged: {error}", hint=f"stop {identity} and start another") from None

    def keep(self, identity: str, grants: Grants, now: float) -> None:
        room = self._path(identity)
        with _failures(f"cannot write the grants of {identity}"):
            disk.write_whole(room / _GRANTS, json.dumps(grants_document(grants)).encode())
            _publish(room / "told" / RULES, json.dumps(_rules(grants.policy(now))).encode())

    def authority(self, identity: str) -> tuple[str, str]:
        room = self._path(identity)
        with _failures(f"cannot read the authority of {identity}"):
            try:
                parts = [disk.read_regular(room / name, LONGEST_FILE).decode() for name in (_AUTHORITY, _KEY)]
            except FileNotFoundError:
                raise NotFoundError(f"{identity} has ended", hint="`bottle list` shows what runs") from None
        return parts[0], parts[1]

    def first_notice(self, identity: str, number: str) -> bool:
        try:
            (self._path(identity) / _NOTICED / number).touch(mode=0o600, exist_ok=False)
        except OSError:
            return False
        return is_proposal_id(number)

    def _path(self, identity: str) -> Path:
        if not is_identity(identity):
            raise NotFoundError(f"no bottle is called {identity!r}", hint="`bottle list --all` names them")
        return self._root / identity / ROOM


def _proposals(folder: Path, identity: str, known: frozenset[str], most: int | None) -> dict[str, Proposal]:
    """Those in the folder that are not known yet, by id; at most so many of somebody else's."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, None if most is None else MOST_FILES)]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    new = [name for name in names if name.removesuffix(".json") not in known]
    found = [_proposal(folder, name, identity) for name in new[:most]]
    return {one.id: one for one in found if one is not None}


def _proposal(folder: Path, name: str, identity: str) -> Proposal | None:
    """What the file says, where it is a proposal of this bottle's under its own name."""
    number, _, suffix = name.partition(".")
    if suffix != "json" or not is_proposal_id(number):
        return None
    try:
        proposal = parse_proposal(decoded(disk.read_regular(folder / name, LONGEST_FILE)))
    except (OSError, ConfigError):
        return None
    return proposal if (proposal.id, proposal.identity) == (number, identity) else None


def _decision(path: Path, number: str) -> Decision | None:
    try:
        decision = parse_decision(decoded(disk.read_regular(path, LONGEST_FILE)))
    except (OSError, ConfigError):
        return None
    return decision if decision.id == number else None


def _rules(policy: Policy) -> JsonObject:
    """What the agent may know of its own rules: no slot, no address, no name of a variable."""
    routes: list[object] = [
        {
            "host": route.host.text,
            "scheme": route.scheme,
            "ports": list(route.ports),
            "methods": list(route.methods) or "any",
            "paths": list(route.paths) or "any",
            "credential": "put in on the way out" if route.inject else "none",
            "granted": bool(route.grant),
        }
        for route in policy.routes
    ]
    return {"version": policy.version, "routes": routes}


def _publish(path: Path, content: bytes) -> None:
    """Whole or not at all, for the server's user to read."""
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o644)  # whatever the mask says
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    unfinished.replace(path)


def _unsupervised(identity: str) -> NotFoundError:
    return NotFoundError(f"{identity} is not supervised", hint="`supervise: true` in its bottle lets an agent ask")


@contextmanager
def _failures(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BottleError(f"{what}: {(error.strerror or type(error).__name__).lower()}") from None
