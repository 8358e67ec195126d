"""Values as JSON documents: the keys that scripts rely on. Nothing here ever sees a secret value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import asdict

from bottle.domain.environment import HostVariables, Prompted

if TYPE_CHECKING:
    from bottle.app.doctor import Finding
    from bottle.app.explain import BodyExplanation
    from bottle.app.rules import ListedRule
    from bottle.app.run import Outcome
    from bottle.domain.egress import Request, Verdict
    from bottle.domain.errors import BottleError
    from bottle.domain.exported import Change
    from bottle.domain.plan import BottlePlan, PlannedEnv, PlannedRoute, Slot, Wall
    from bottle.domain.provision import HostTree
    from bottle.domain.state import BottleRow, Leftover, Metadata
    from bottle.domain.taken_out import KeptArchive
    from bottle.domain.traffic import Traffic

Document = dict[str, Any]


def of_error(error: BottleError) -> Document:
    return {"error": {"code": error.code, "message": str(error), "hint": error.hint}}


def of_rule(listed: ListedRule) -> Document:
    silent = [{"host": silence.host and silence.host.text, "path": silence.path or None} for silence in listed.silences]
    return {"name": listed.rule.name, "family": listed.rule.family, "finds": listed.rule.finds, "silent": silent}


def of_row(row: BottleRow) -> Document:
    return {
        "identity": row.identity,
        "agent": row.agent,
        "bottle": row.bottle,
        "backend": row.backend,
        "label": row.label,
        "color": row.color,
        "started_at": row.started_at,
        "status": row.status,
        "services": list(row.services),
        "pending": row.pending,
        "ended_at": row.ended_at or None,
        "bytes": row.size,
    }


def of_finding(finding: Finding) -> Document:
    return {
        "topic": finding.topic,
        "subject": finding.subject,
        "ok": finding.ok,
        "detail": finding.detail,
        "hint": finding.hint,
    }


def of_traffic(traffic: Traffic) -> Document:
    return {
        "requests": traffic.requests,
        "refused": traffic.refused,
        "hosts": [asdict(host) for host in traffic.hosts],
        "mishaps": [asdict(mishap) for mishap in traffic.mishaps],
    }


def of_outcome(outcome: Outcome) -> Document:
    """What came of `bottle run`. `exit_status` is null where time was up or a signal came; `duration` is in seconds."""
    return {
        "identity": outcome.identity,
        "session_id": outcome.report.session_id or None,
        "result": outcome.report.result,
        "exit_status": outcome.status,
        "timed_out": outcome.status is None and outcome.interrupted is None,
        "interrupted": outcome.interrupted is not None,
        "duration": round(outcome.seconds, 3),
        "cost_usd": outcome.report.cost_usd,
        "egress": of_traffic(outcome.traffic),
        "branches": [asdict(push) for push in outcome.pushes],
        "complaint": outcome.complaint,
    }


def of_bottle(metadata: Metadata, row: BottleRow, kept: Sequence[KeptArchive]) -> Document:
    """One bottle that runs or has ended."""
    return {
        **of_row(row),
        "exit_status": metadata.exit_status,
        "session_id": metadata.session_id or None,
        "cwd": metadata.cwd or None,
        "commit": metadata.commit or None,
        "kept": [{"part": archive.part, "bytes": archive.size} for archive in kept],
    }


def of_change(change: Change) -> Document:
    return {"path": change.path, "status": change.status, "mode": change.mode, "look": list(change.look)}


def of_leftover(leftover: Leftover) -> Document:
    return {"identity": leftover.identity, "kind": leftover.kind, "name": leftover.name}


def of_info(plan: BottlePlan) -> Document:
    """What an agent's bottle comes to, without what belongs to one start alone."""
    return {
        "agent": plan.agent,
        "bottle": plan.bottle,
        "chain": list(plan.chain),
        "provider": plan.provider,
        "backend": plan.backend,
        "walls": [of_wall(wall) for wall in plan.walls],
        "image": plan.image.tag,
        "git_identity": {
            "name": plan.git_identity.name,
            "email": plan.git_identity.email,
            "name_source": plan.git_identity.name_source,
            "email_source": plan.git_identity.email_source,
        },
        "env": [of_env(item) for item in plan.env if not item.hidden],
        "skills": list(plan.skills),
        "egress": [of_route(planned) for planned in plan.routes],
        "git": _remotes(plan),
        "supervise": plan.supervise,
        "resources": {
            "memory": plan.resources.memory,
            "cpus": plan.resources.cpus,
            "pids": plan.resources.pids,
        },
        "notes": list(plan.notes),
    }


def of_plan(plan: BottlePlan) -> Document:
    """The whole plan. File contents are left out but for their size; secrets are slot names."""
    return {
        **of_info(plan),
        "identity": plan.identity,
        "label": plan.label,
        "color": plan.color,
        "cwd": plan.cwd,
        "copy_cwd": plan.copy_cwd,
        "argv": list(plan.argv),
        "workdir": plan.workdir,
        "sidecar_image": plan.sidecar_image.tag,
        "proxy": str(plan.proxy),
        "upstream_proxy": str(plan.upstream_proxy) if plan.upstream_proxy else None,
        "slots": [_slot(slot) for slot in (*plan.slots, *plan.git_slots, *plan.deploy_slots)],
        "directories": [{"path": item.path, "mode": _mode(item.mode)} for item in plan.directories],
        "files": [{"path": item.path, "mode": _mode(item.mode), "bytes": len(item.content)} for item in plan.files],
        "trees": [_tree(tree) for tree in plan.trees],
        "checks": [list(check.argv) for check in plan.checks],
    }


def _tree(tree: HostTree) -> Document:
    """`entries` counts what was chosen; null where all of it goes in uncounted."""
    counted = tree.entries is not None
    entries = len(tree.entries) if tree.entries is not None else None
    return {
        "from": tree.host_path,
        "to": tree.guest_path,
        "entries": entries,
        "bytes": tree.size if counted else None,
    }


def of_wall(wall: Wall) -> Document:
    return {"name": wall.name, "how": wall.how, "present": wall.present}


def of_env(item: PlannedEnv) -> Document:
    return {"name": item.name, "source": item.source, "from": env_origin(item)}


def of_route(planned: PlannedRoute) -> Document:
    route = planned.route
    return {
        "host": route.host.text,
        "scheme": route.scheme,
        "ports": list(route.ports),
        "methods": list(route.methods),
        "paths": list(route.paths),
        "auth": _auth(planned),
        "scan": route.scan,
        "private_ips": [str(network) for network in route.private_ips],
        "connect_to": _endpoint(planned),
        "source": route.source,
    }


def of_explanation(request: Request, verdict: Verdict) -> Document:
    """The answer of `bottle explain`. `inject` names the header and the slot of its value, never the value."""
    route = verdict.route
    inject = route.inject if route and verdict.allowed else None
    return {
        "allowed": verdict.allowed,
        "rule": verdict.rule,
        "reason": verdict.reason,
        "ask": verdict.ask,
        "host": request.authority.host,
        "port": request.authority.port,
        "path": str(request.target),
        "method": request.method,
        "route": route.name if route else None,
        "inject": {"header": inject.header, "scheme": inject.scheme, "slot": inject.slot} if inject else None,
    }


def of_scanned_body(said: BodyExplanation) -> Document:
    """What the scanner says to a body; a finding tells where, never what."""
    finding = said.finding
    return {
        "scanned": said.scanned,
        "allowed": finding is None,
        "rule": finding.rule if finding else None,
        "reason": finding.reason if finding else None,
        "place": finding.place if finding else None,
        "offset": finding.offset if finding else None,
        "via": list(finding.via) if finding else [],
        "fingerprint": (finding.fingerprint or None) if finding else None,
        "unknown": list(said.unknown),
    }


def env_origin(item: PlannedEnv) -> str:
    """Where the value comes from, in a word: the host variables by name, the operator, or the manifest itself."""
    if isinstance(item.entry, HostVariables):
        return ", ".join(item.entry.names)
    return "asked at start" if isinstance(item.entry, Prompted) else ""


def _auth(planned: PlannedRoute) -> Document | None:
    slot, inject = planned.slot, planned.route.inject
    if slot is None or inject is None:
        return None
    return {
        "header": inject.header,
        "scheme": inject.scheme,
        "token_ref": slot.token_ref,
        "available": slot.available,
    }


def _endpoint(planned: PlannedRoute) -> str | None:
    endpoint = planned.route.connect_to
    if endpoint is None:
        return None
    return str(endpoint.address) if endpoint.port is None else f"{endpoint.address} port {endpoint.port}"


def _slot(slot: Slot) -> Document:
    return {"name": slot.name, "token_ref": slot.token_ref, "available": slot.available}


def _remotes(plan: BottlePlan) -> Sequence[Document]:
    return [
        {
            "host": host,
            "upstream": remote.upstream,
            "push": {
                "branches": list(remote.push.branches),
                "tags": list(remote.push.tags),
                "force": remote.push.force,
                "delete": remote.push.delete,
            },
            "deploy_key": remote.deploy_key and asdict(remote.deploy_key),
        }
        for host, remote in plan.remotes.items()
    ]


def _mode(mode: int) -> str:
    return f"{mode:04o}"
