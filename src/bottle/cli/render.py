"""How words reach a person.

Results go to stdout, as text or with --json as one document. Talk (progress, warnings, questions, errors) goes to
stderr, lower case, without a full stop, errors as `bottle: error: ...` with `hint: ...` below. Text from outside the
program is printed with its control characters escaped: a terminal obeys them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bottle.cli import documents
from bottle.cli.columns import plain, table
from bottle.cli.streams import say, tell, terminal_width
from bottle.domain.errors import BottleError

if TYPE_CHECKING:
    from bottle.app.doctor import Finding
    from bottle.app.explain import BodyExplanation
    from bottle.app.rules import ListedRule
    from bottle.domain.dlp.settings import Silence
    from bottle.domain.egress import Request, Verdict
    from bottle.domain.exported import Change
    from bottle.domain.manifest import Remote
    from bottle.domain.plan import BottlePlan, PlannedRoute
    from bottle.domain.state import Leftover
    from bottle.domain.traffic import Traffic

MEBI = 1024**2
_MOST_TOLD = 20


def print_json(document: object) -> None:
    """One JSON document on stdout."""
    print_line(json.dumps(document, indent=2))


def print_line(text: str, *, flush: bool = False) -> None:
    """One line of a result on stdout."""
    tell(f"{text}\n", flush=flush)


def talk(text: str) -> None:
    """Talk on stderr, line by line."""
    say("".join(f"{plain(line)}\n" for line in text.splitlines()))


def warn(text: str) -> None:
    talk(_set_in(f"bottle: warning: {text}"))


def print_error(error: BottleError, *, as_json: bool = False) -> None:
    """The error with its hint, and before it any error that it came upon while cleaning up."""
    earlier = error.__context__
    if isinstance(earlier, BottleError) and not error.__suppress_context__:
        talk(_set_in(f"bottle: error: {earlier}"))
    if as_json:
        print_json(documents.of_error(error))
        return
    talk(_set_in(f"bottle: error: {error}"))
    for line in (error.hint or "").splitlines():
        talk(f"hint: {line}")


def _set_in(text: str) -> str:
    """What follows the first line stands further in: a name or an output with lines in it says nothing in our name."""
    return "\n  ".join(text.splitlines())


def plain_text(text: str) -> str:
    """The same for several lines."""
    return "\n".join(map(plain, text.splitlines()))


def review(stat: str, changes: Sequence[Change], left_out: Sequence[str]) -> str:
    """What an agent's work changes, as an operator reads it before saying yes."""
    noted = [(change.path, "; ".join(change.look)) for change in changes if change.look]
    return "\n".join(
        (
            *(stat.splitlines() or ["nothing changed"]),
            *(["look at these first:", *(f"  {line}" for line in table(noted).splitlines())] if noted else []),
            *(f"left out: {plain(line)}" for line in left_out),
        )
    )


def preflight(plan: BottlePlan) -> str:
    """The plan as an operator reads it before saying yes."""
    return table(preflight_facts(plan), width=terminal_width())


def preflight_facts(plan: BottlePlan) -> Sequence[tuple[str, str]]:
    """Its lines, each with the word that stands before it; none where that is the word of the line before."""
    head = [
        ("bottle", plan.identity + (f"  ({plan.label})" if plan.label else "")),
        ("from", f"agent {plan.agent}, bottle {' < '.join(plan.chain)}"),
    ]
    return _facts(head, plan)


def information(plan: BottlePlan) -> str:
    """What an agent's bottle comes to, for `bottle info`."""
    return table(information_facts(plan), width=terminal_width())


def information_facts(plan: BottlePlan) -> Sequence[tuple[str, str]]:
    """Its lines, as `preflight_facts`."""
    return _facts([("agent", plan.agent), ("bottle", " < ".join(plan.chain)), ("provider", plan.provider)], plan)


def _facts(head: list[tuple[str, str]], plan: BottlePlan) -> Sequence[tuple[str, str]]:
    return [
        *head,
        ("runs", " ".join(plan.argv)),
        ("in", f"{plan.workdir}" + (f", a copy of {plan.cwd}" if plan.copy_cwd else "")),
        ("image", plan.image.tag),
        ("limits", limits(plan)),
        ("commits as", git_identity(plan)),
        *_several("env", env_lines(plan)),
        *_several("skills", plan.skills),
        *_several("egress", table(map(_route_cells, plan.routes)).splitlines() or ["nothing"]),
        *_several("through", _through(plan)),
        *_several("git", [_remote_line(*entry) for entry in plan.remotes.items()]),
        *_several("walls", [f"{plan.backend}", *table(_wall_cells(plan)).splitlines()]),
        *_several("note", plan.notes),
    ]


def _remote_line(host: str, remote: Remote) -> str:
    """With the key that a start would register somewhere: that reaches beyond this host."""
    if remote.deploy_key is None:
        return f"{host} -> {remote.upstream}"
    kind = "reads" if remote.deploy_key.read_only else "writes"
    return f"{host} -> {remote.upstream}, with a new key that {kind}, registered at {remote.deploy_key.url}"


def _through(plan: BottlePlan) -> list[str]:
    """What an upstream proxy changes in what is judged."""
    if plan.upstream_proxy is None:
        return []
    judged = "names are judged here and looked up by it: that none leads to a private address is its to see to"
    return [f"the proxy {plan.upstream_proxy}", judged]


def limits(plan: BottlePlan) -> str:
    resources = plan.resources
    return f"{resources.memory // MEBI} MiB memory, {resources.cpus:g} cpus, {resources.pids} processes"


def git_identity(plan: BottlePlan) -> str:
    """Name and address, each with who said so; an identity is claimed, not vouched for."""
    identity = plan.git_identity
    name = f"{identity.name} ({identity.name_source})" if identity.name else ""
    email = f"<{identity.email}> ({identity.email_source})" if identity.email else ""
    return " ".join(filter(None, (name, email))) or "nobody: the manifest names no git user"


def env_lines(plan: BottlePlan) -> list[str]:
    """The names that the manifest and the provider set, with their source; never a value."""
    shown = [item for item in plan.env if not item.hidden and item.source != "bottle"]
    origins = ((item, documents.env_origin(item)) for item in shown)
    return [f"{item.name} ({item.source}{': ' + origin if origin else ''})" for item, origin in origins]


def _several(title: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    return [(title if index == 0 else "", line) for index, line in enumerate(lines)]


def _route_cells(planned: PlannedRoute) -> tuple[str, ...]:
    route, slot = planned.route, planned.slot
    port = ",".join(map(str, route.ports))
    credential = "no credential"
    if slot is not None and route.inject is not None:
        credential = f"{route.inject.header} from {slot.token_ref}{'' if slot.available else ' (NOT SET)'}"
    return (
        f"{route.scheme}://{route.host.text}:{port}",
        ",".join(route.methods) or "any method",
        ",".join(route.paths) or "any path",
        credential,
        "tunnel, unread" if route.is_tunnel else ("scanned" if route.scan else "not scanned"),
        *_reach(planned),
        f"({route.source})",
    )


def _reach(planned: PlannedRoute) -> tuple[str]:
    route = planned.route
    parts = [f"at {route.connect_to.address}"] if route.connect_to else []
    parts += [f"may reach {network}" for network in route.private_ips]
    return ("; ".join(parts),)


def _wall_cells(plan: BottlePlan) -> Iterable[tuple[str, str]]:
    for wall in plan.walls:
        yield wall.name if wall.present else f"NO {wall.name}", wall.how


def rule_table(rules: Iterable[ListedRule]) -> str:
    return table(
        ((each.rule.name, each.rule.family, _silences(each.silences), each.rule.finds) for each in rules),
        ("RULE", "FAMILY", "SILENT", "FINDS"),
        width=terminal_width(),
        spare=("FAMILY",),
    )


def _silences(silences: Iterable[Silence]) -> str:
    """`api.example.com/upload, everywhere`; nothing for a rule that always speaks."""
    places = (f"{silence.host.text if silence.host else ''}{silence.path}" for silence in silences)
    return ", ".join(place or "everywhere" for place in places)


def leftover_table(leftovers: Iterable[Leftover]) -> str:
    return table(((item.identity, item.kind, item.name) for item in leftovers), ("IDENTITY", "KIND", "NAME"))


def finding_table(findings: Iterable[Finding]) -> str:
    """One line a finding, the remedy below it where something is missing."""
    rows: list[tuple[str, str, str, str]] = []
    for finding in findings:
        standing = "absent" if finding.absent else "ok" if finding.ok else "MISSING"
        rows.append((standing, finding.topic, finding.subject, finding.detail))
        if finding.hint:
            rows.append(("", "", "", f"hint: {finding.hint}"))
    return table(rows, width=terminal_width())


def traffic(found: Traffic) -> str:
    """What a bottle asked for and was answered, at its end."""
    head = f"bottle: egress: {_count(found.requests, 'request')}, {found.refused} refused"
    hosts = [
        (f"  {host.host}", f"{host.allowed} allowed", f"{host.refused} refused",
         f"{size(host.bytes_out)} out, {size(host.bytes_in)} in")
        for host in found.hosts[:_MOST_TOLD]
    ]  # fmt: skip
    mishaps = [
        (f"  {mishap.count} x", mishap.host, f"{mishap.rule}: {mishap.reason}") for mishap in found.mishaps[:_MOST_TOLD]
    ]
    left = len(found.hosts) + len(found.mishaps) - len(hosts) - len(mishaps)
    more = f"  and {left} lines more: see `bottle logs`" if left else ""
    return "\n".join(part for part in (head, table(hosts), table(mishaps), more) if part)


def size(count: int) -> str:
    """Bytes as a person reads them."""
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def explanation(request: Request, verdict: Verdict, body: BodyExplanation | None = None) -> str:
    inject = verdict.route.inject if verdict.route and verdict.allowed else None
    lines = [
        (
            "allowed" if verdict.allowed else "refused",
            f"{request.method} {request.scheme}://{request.authority}{request.target}",
        ),
        ("rule", verdict.rule),
        ("reason", verdict.reason),
        ("adds", f"{inject.header}: {inject.scheme} <{inject.slot}>" if inject else "no credential"),
    ]
    if verdict.ask:
        lines.append(("ask for", verdict.ask))
    return table(lines if body is None else [*lines, *_of_body(body)], width=terminal_width())


def _of_body(body: BodyExplanation) -> list[tuple[str, str]]:
    if not body.scanned:
        return [("body", "passes unread: the route says `scan: false`")]
    unknown = [("not looked for", ", ".join(body.unknown))] if body.unknown else []
    if body.finding is None:
        return [("body", "allowed"), *unknown]
    return [("body", "refused"), ("body's rule", body.finding.rule), ("body's reason", body.finding.reason), *unknown]


def print_log(content: bytes) -> None:
    """A log of untrusted bytes, line by line."""
    for line in content.decode("utf-8", "replace").splitlines():
        print_line(plain(line))
