"""What a bottle promises, each as one claim about what was seen. The demo prints them, the tests assert them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from tests.support.anthropic_api import API_HOST, ECHO
from tests.support.bottle_cli import Done, processes
from tests.support.demo_world import ANSWER, CODE_HOST, CONTENT, PLACEHOLDER, REPORT, UNLISTED, World
from tests.support.host_traps import host_addresses

PROBE = (Path(__file__).parent / "probe.py").read_text()
OUTSIDE = "198.51.100.1"
"""TEST-NET-2: nobody's, so that an attempt tells nobody anything."""
MARKS = ("bottle", "ordinary")
PUSH = (
    "cd $(mktemp -d) && git init -q -b main . && git -c user.name=a -c user.email=a@example.com"
    " commit -q --allow-empty -m one && git push {url} main"
)


@frozen
class Claim:
    """A promise, whether it held, and what was seen."""

    promise: str
    ok: bool
    seen: str


def task_done(world: World, done: Done) -> Claim:
    """The agent's own program came to its end with the stand-in's answer, over three tool calls."""
    steps = world.api.results
    told = ", ".join(f"{one.tool} {'as wanted' if one.expected else one.text[:80]}" for one in steps[-3:])
    try:
        result = json.loads(done.stdout)
    except ValueError:
        return Claim("the task is done", ok=False, seen=f"status {done.status}: {(done.stderr or done.stdout)[-300:]}")
    fine = done.status == 0 and result.get("result") == ANSWER and not result.get("is_error")
    whole = len(steps) >= 3 and all(one.expected for one in steps)
    turns = result.get("num_turns")
    return Claim("the task is done", ok=fine and whole, seen=f"status {done.status}, {turns} turns, {told}")


def token_injected(world: World) -> Claim:
    """Every request of the model came with the one right credential."""
    asked = [one for one in world.api.requests("/v1/messages") if one.user_agent.startswith("claude-cli/")]
    right = [one for one in asked if one.credential == "right" and one.status == 200]
    agents = ", ".join(sorted({one.user_agent.split()[0] for one in asked})) or "nobody"
    seen = f"{len(right)} of {len(asked)} model requests of {agents} had the real token"
    faults = f"; faults: {'; '.join(world.api.faults[:3])}" if world.api.faults else ""
    return Claim("the token is put in on the way", ok=bool(asked) and asked == right and not faults, seen=seen + faults)


def intercepted(world: World, identity: str) -> Claim:
    """Inside, TLS ends at the bottle's own authority, and the agent's placeholder became the token."""
    before = len(world.api.requests())
    header = f"Authorization: Bearer {PLACEHOLDER}"
    url = f"https://{API_HOST}/api/claude_code/settings"
    done = world.inside(identity, "curl", "-sv", "-m", "20", "-o", "/dev/null", "-H", header, url)
    issuer = re.search(r"issuer: (.*)", done.stderr)
    arrived = world.api.requests()[before:]
    right = [one.credential for one in arrived] == ["right"]
    ours = issuer is not None and "stand-in" not in issuer[1]
    seen = f"issuer inside: {issuer[1].strip() if issuer else 'none'}; sent {PLACEHOLDER}, arrived: "
    return Claim(
        "the route is intercepted", ok=ours and right, seen=seen + ", ".join(one.credential for one in arrived)
    )


def token_not_echoed(world: World, identity: str) -> Claim:
    """A service that repeats what it was sent gives the token away; its bytes do not reach the box."""
    before = len(world.api.requests(ECHO))
    done = world.inside(identity, "curl", "-sS", "-i", "-m", "20", f"https://{API_HOST}{ECHO}")
    told = [one.credential for one in world.api.requests(ECHO)[before:]]
    found = world.hunt.in_bytes(done.stdout.encode())
    line = re.search(r"(?i)authorization: [^\"]*", done.stdout)
    seen = f"upstream told the {', '.join(told)} token; the box saw {line[0] if line else done.stdout[:80]!r}"
    return Claim("a token that is echoed is taken out", ok=told == ["right"] and not found, seen=seen)


def file_written(world: World, identity: str) -> Claim:
    """What the agent's Write made is there."""
    done = world.inside(identity, "cat", REPORT)
    return Claim("the agent's file is there", ok=done.stdout == CONTENT, seen=f"{REPORT}: {done.stdout.strip()!r}")


def no_token_in_processes(world: World, identity: str) -> Claim:
    """Environment and arguments of every process: as the agent sees them, and from outside."""
    own = world.inside(identity, "sh", "-c", "env; ps axwwe; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null")
    elsewhere, count = world.views.processes(identity, world.hunt)
    found = [*world.hunt.in_bytes(own.stdout.encode()), *elsewhere]
    held = PLACEHOLDER in own.stdout
    seen = f"{len(own.stdout):,} bytes as its agent sees it, {count} processes of box and sidecar: {_none_or(found)}"
    return Claim("no token in environment or processes", ok=not found and held, seen=seen)


def no_token_in_files(world: World, identity: str) -> Claim:
    """Every file of the box, whoever owns it."""
    found, size = world.views.files(identity, world.hunt)
    seen = f"{size / 1e6:,.0f} MB of files read: {_none_or(found)}"
    return Claim("no token in the box's files", ok=not found and size > 10_000_000, seen=seen)


def no_token_outside(world: World, identity: str) -> Claim:
    """What others are shown, what bottle keeps and says, and the argument lists of the host."""
    found = [
        *world.views.inspected(identity, world.hunt),
        *world.hunt.in_files(world.root),
        *(f"what bottle said ({form})" for form in world.hunt.in_bytes(bytes(world.cli.said))),
        *world.cli.exposed,
    ]
    seen = f"{world.views.shown}, state, output, arguments: {_none_or(found)}"
    return Claim("no token on disk, in output, in argument lists", ok=not found, seen=seen)


def unlisted_refused(world: World, identity: str) -> Claim:
    """A 403 that names its rule, over https and http; and the trail has it."""
    secure = world.inside(identity, "curl", "-sS", "-i", "-m", "20", f"https://{UNLISTED}/")
    plain = world.inside(identity, "curl", "-sS", "-m", "20", f"http://{UNLISTED}/")
    rules = re.findall(r"(?i)^x-bottle-rule: (.+?)\s*$", secure.stdout, re.MULTILINE)
    status = secure.stdout.splitlines()[0].removeprefix("HTTP/1.1 ") if secure.stdout else secure.stderr.strip()
    body = _object(plain.stdout)
    lines = [_object(line) for line in world.cli.run("logs", identity, "--json").stdout.splitlines()]
    trail = [line for line in lines if line.get("host") == UNLISTED and line.get("allowed") is False]
    ok = status.startswith("403 ") and rules == ["host.unlisted"] == [body.get("rule")] and len(trail) >= 2
    seen = f"{status}; rule {', '.join(rules)}; {len(trail)} lines in the trail"
    return Claim("an unlisted host gets a 403 with its rule", ok=ok, seen=seen)


def push_refused(world: World, identity: str) -> Claim:
    """A real `git push` over HTTPS to a listed host ends at the proxy; fetching passes, without a credential."""
    url = f"https://{CODE_HOST}/team/project.git"
    world.inside(identity, "git", "ls-remote", url)
    pushed = world.inside(identity, "sh", "-c", PUSH.format(url=url))
    posted = world.inside(
        identity, "curl", "-sS", "-m", "20", "-X", "POST", "--data", "0000", f"{url}/git-receive-pack"
    )
    arrived = world.api.requests(host=CODE_HOST)
    strayed = [one for one in arrived if one.credential != "missing" or "receive-pack" in one.path]
    said = next((line for line in pushed.stderr.splitlines() if "403" in line), pushed.stderr.strip()[-200:])
    rule = str(_object(posted.stdout).get("rule"))
    ok = pushed.status != 0 and "403" in said and rule.startswith("git.push") and bool(arrived) and not strayed
    seen = f"git: {said.rpartition(': ')[2].strip()}; rule {rule}; upstream saw {len(arrived)} read, no push"
    return Claim("a push over HTTPS is refused", ok=ok, seen=seen)


def unreachable(world: World, identity: str) -> Claim:
    """Nothing but the proxy answers; without walls the same program reaches what there is to reach."""
    inside, outside = _probe_both(world, identity, ("tcp", "device"))
    reached = f"reached: {_none_or(_reached(inside))}; {world.views.ordinary} reached {len(_reached(outside))}"
    ok = not _reached(inside) and bool(_reached(outside)) and bool(inside)
    return Claim("no direct connection, no service of the host", ok=ok, seen=f"{len(inside)} ways tried, {reached}")


def no_names(world: World, identity: str) -> Claim:
    """No DNS: neither names nor questions get out; the resolver on this host counts none from the box."""
    inside, outside = _probe_both(world, identity, ("udp", "names"))
    from_bottle, ordinary = (sum(name.startswith(mark) for name in world.traps.questions) for mark in MARKS)
    came = f"this host's resolver counted {from_bottle}, and {ordinary} of {world.views.ordinary}"
    ok = not _reached(inside) and bool(inside) and bool(outside) and from_bottle == 0 < ordinary
    return Claim(
        "no DNS", ok=ok, seen=f"{len(inside)} names and questions, answered: {_none_or(_reached(inside))}; {came}"
    )


def nothing_left(world: World, identity: str, traces: Iterable[str] = ()) -> Claim:
    """Nothing of the bottle, no process, no temporary file; nothing that holds the token."""
    remains = world.views.remains(identity, traces)
    mark = f"BOT_BOTTLE_HOME={world.home}".encode()
    alive = [str(pid) for pid, env in processes("environ").items() if mark in env]
    temporary = [path.name for path in (world.root / "tmp").iterdir()]
    found = [*remains, *(f"process {pid}" for pid in alive), *temporary, *world.hunt.in_files(world.root)]
    seen = ", ".join(found) or f"no {world.views.nothing}, temporary or secret file"
    return Claim("after the exit nothing is left", ok=not found, seen=seen)


def _probe_both(world: World, identity: str, kinds: Sequence[str]) -> tuple[Sequence[list[str]], Sequence[list[str]]]:
    """The probe's lines from inside the bottle and from where there are no walls."""
    wanted = {kind: targets for kind, targets in _targets(world, identity).items() if kind in kinds}
    bottle, ordinary = (["python3", "-c", PROBE, json.dumps(wanted), mark] for mark in MARKS)
    inside = world.inside(identity, *bottle).ok().stdout
    outside = world.views.probe_beside(identity, ordinary)
    return json.loads(inside), json.loads(outside)


def _targets(world: World, identity: str) -> Mapping[str, Sequence[str]]:
    """What the probe tries: the stand-in itself, the service and the resolver on each address of this host, outside."""
    host = list(dict.fromkeys([world.place.connect, *host_addresses(), *world.views.gateways(identity)]))
    services = [f"{address} {world.traps.service_port}" for address in host]
    direct = [f"{world.place.connect} {world.api.port}", *services]
    return {
        "tcp": [*direct, f"{OUTSIDE} 443"],
        "device": direct,
        "udp": [*(f"{address} {world.traps.dns_port}" for address in host), f"{OUTSIDE} 53"],
        "names": [API_HOST, UNLISTED, "host.docker.internal", "gateway.docker.internal"],
    }


def _reached(lines: Sequence[list[str]]) -> list[str]:
    return [
        f"{target} ({kind}: {how})"
        for kind, target, how in lines
        if how.startswith(("connected", "answered", "resolved"))
    ]


def _none_or(found: Sequence[str]) -> str:
    return ", ".join(found[:4]) or "none"


def _object(text: str) -> Mapping[str, object]:
    """A JSON object, empty when the text is none."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
