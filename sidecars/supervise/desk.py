"""Where proposals are laid down and answers are found: two directories of the host's.

This program only ever adds to the first and only ever reads the second; the host decides. An id is made here, and
looked up among those that were made here: what a client sends never becomes a path.
"""

import json
import os
import secrets
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from attrs import evolve

from bottle.domain.strict_json import ConfigError
from bottle.domain.supervise import ID_ALPHABET, ID_LENGTH, Asked, Proposal, Wish, checked
from bottle.domain.supervise_files import (
    LONGEST_FILE,
    SuperviseStart,
    decoded,
    parse_decision,
    parse_proposal,
    proposal_document,
)
from sidecars.supervise import limits

RULES = "rules.json"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class TooMuchError(Exception):
    """The agent asks for too much at once. The message says when to go on."""


class Desk:
    """The proposals of one bottle. `clock` tells seconds since the epoch, `steady` those of one that nobody sets."""

    def __init__(
        self,
        start: SuperviseStart,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Finds what an earlier run of this program laid down. Raises OSError."""
        self._identity, self._clock, self._steady = start.identity, clock, steady
        self._recent: deque[float] = deque(maxlen=limits.EACH_MINUTE)
        """When the last ones were asked, by `steady`: a time of day that is set back would count them for ever."""
        self._asked, self._told = Path(start.asked), Path(start.told)
        self._proposals = {proposal.id: proposal for proposal in self._earlier()}

    def ask(self, wish: Wish, why: str) -> Proposal:
        """Lays a proposal down; the same one that still waits is not asked twice.

        Raises InvalidProposalError, TooMuchError, OSError.
        """
        number = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
        proposal = checked(Proposal(number, self._identity, self._clock(), why, wish))
        waiting = [one for one in map(self.find, self._proposals) if one and one.state(self._clock()) == "pending"]
        for one in waiting:
            if evolve(one.proposal, id=proposal.id, asked_at=proposal.asked_at) == proposal:
                return one.proposal
        self._require_room(len(waiting))
        self._write(proposal)
        self._recent.append(self._steady())
        self._proposals[proposal.id] = proposal
        return proposal

    def find(self, number: str) -> Asked | None:
        """The proposal of this id and the answer that it has by now; None for one that was never made here."""
        proposal = self._proposals.get(number)
        if proposal is None:
            return None
        try:
            decision = parse_decision(decoded(_read(self._told / f"{proposal.id}.json")))
        except (OSError, ConfigError):
            return Asked(proposal)
        return Asked(proposal, decision if decision.id == proposal.id else None)

    def all(self) -> list[Asked]:
        """Everything that was asked, oldest first."""
        return [asked for asked in map(self.find, self._proposals) if asked is not None]

    def now(self) -> float:
        return self._clock()

    def rules(self) -> object:
        """What the bottle may do, as the host wrote it down last."""
        try:
            return json.loads(_read(self._told / RULES, 1024 * 1024))
        except (OSError, ValueError, RecursionError):
            return {}

    def _require_room(self, waiting: int) -> None:
        if len(self._proposals) >= limits.IN_ALL:
            raise TooMuchError("this bottle has asked its operator for the last time: go on without")
        if waiting >= limits.PENDING:
            raise TooMuchError(f"{waiting} proposals wait for an answer already: wait for one of them")
        if len(self._recent) == limits.EACH_MINUTE and self._recent[0] > self._steady() - 60:
            raise TooMuchError("too many proposals within a minute: wait for one, or go on without")

    def _write(self, proposal: Proposal) -> None:
        """Whole or not at all. Raises OSError; then nothing is left of it, nor of the room that it took."""
        path = self._asked / f"{proposal.id}.json"
        unfinished = self._asked / f".{proposal.id}.new"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dumps(proposal_document(proposal)).encode())
                file.flush()
                os.fsync(descriptor)
            unfinished.rename(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def _earlier(self) -> list[Proposal]:
        found = []
        for path in self._asked.glob("*.json"):
            try:
                proposal = parse_proposal(decoded(_read(path)))
            except (OSError, ConfigError):
                continue
            if path.name == f"{proposal.id}.json" and proposal.identity == self._identity:
                found.append(proposal)
        return sorted(found, key=lambda proposal: proposal.asked_at)


def _read(path: Path, limit: int = LONGEST_FILE) -> bytes:
    with os.fdopen(os.open(path, _READ), "rb") as file:
        return file.read(limit + 1)
