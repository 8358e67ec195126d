"""From a manifest to a plan: pure and complete. The plan is the preflight; a start only carries it out."""

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from bottle.domain.backends import BackendName
from bottle.domain.egress import Injection, Route
from bottle.domain.errors import ManifestError
from bottle.domain.hosts import Authority
from bottle.domain.manifest import (
    Agent,
    EffectiveBottle,
    EnvEntry,
    HostVariables,
    Manifest,
    ManifestRoute,
    Prompted,
    Verbatim,
)
from bottle.domain.plan import (
    BottlePlan,
    EnvSource,
    Image,
    PlannedEnv,
    PlannedRoute,
    Slot,
    Wall,
)
from bottle.domain.planning_git import deploy_slots, git_identity, git_settings, git_slots
from bottle.domain.provider import HostLogin, Provider, Provision, Wish
from bottle.domain.provision import (
    GUEST_HOME,
    GUEST_WORKSPACE,
    PROMPT_FILE,
    GuestFile,
    HostTree,
)
from bottle.domain.supervise import SERVICE
from bottle.domain.taken_out import KeptArchive
from bottle.domain.toolchain import own_directories, own_env, own_files, placeholders
from bottle.domain.workspace import Workspace


@frozen
class StartRequest:
    """What the operator asked for. `identity` is claimed later; `skills_root` is where the host keeps its skills."""

    agent: str
    identity: str
    label: str = ""
    color: str = ""
    cwd: str = ""
    copy_cwd: bool = False
    workspace: Workspace | None = None
    remote_control: bool = False
    arguments: tuple[str, ...] = ()
    skills_root: str = ""
    headless: bool = False
    session: str | None = None
    """The session to go on with (`Wish.session`)."""
    keep_workspace: bool = False
    include: tuple[str, ...] = ()
    archives: tuple[KeptArchive, ...] = ()
    """What was kept of this bottle. Its workspace takes the place of a copy."""
    commit: str = ""
    """What the workspace that is put back began from."""
    additions: tuple[str, ...] = ()
    """What was added to the image for this bottle alone."""
    message: str = ""
    """What the agent is told first (`Wish.message`)."""


@frozen
class HostFacts:
    """What was found on this host, by reading alone. `secrets` names the variables that are set; never their values."""

    backend: BackendName
    walls: tuple[Wall, ...]
    proxy: Authority
    image: Image
    sidecar_image: Image
    secrets: frozenset[str] = frozenset()
    upstream_proxy: Authority | None = None
    notes: tuple[str, ...] = ()
    login: HostLogin | None = None


def resolve(request: StartRequest, manifest: Manifest, provider: Provider, facts: HostFacts) -> BottlePlan:
    """The plan of one start. Raises NotFoundError and ManifestError, nothing else, and touches nothing."""
    agent = manifest.agent(request.agent)
    bottle = manifest.bottle_for(request.agent)
    provision = provider.provision(_wish(request, agent, bottle, facts.login))
    routes = planned_routes(merge_routes(bottle.routes, provision.routes), len(bottle.routes), facts.secrets)
    _refuse_withheld_env(bottle, routes)
    _require_headless(request, provider, provision)
    return BottlePlan(
        identity=request.identity,
        agent=agent.name,
        bottle=bottle.name,
        chain=bottle.chain,
        provider=provider.template,
        backend=facts.backend,
        walls=facts.walls,
        resources=bottle.resources,
        image=facts.image,
        sidecar_image=facts.sidecar_image,
        argv=provision.argv,
        workdir=_workdir(request),
        env=planned_env(bottle.env, provision, _own_env(routes, facts.proxy)),
        directories=(*own_directories(), *provision.directories),
        files=(*own_files(facts.proxy), *provision.files, *_own_files(agent, bottle)),
        trees=_trees(request, agent),
        checks=provision.checks,
        routes=routes,
        scanning=bottle.scanning,
        git_identity=git_identity(agent, bottle),
        remotes=bottle.remotes,
        skills=agent.skills,
        supervise=bottle.supervise,
        proxy=facts.proxy,
        upstream_proxy=facts.upstream_proxy,
        label=request.label,
        color=request.color,
        cwd=request.cwd if request.copy_cwd else "",
        copy_cwd=request.copy_cwd,
        notes=(*facts.notes, *provision.notes, *_until(facts.login), *_left_out(request), *_not_kept(request)),
        git_slots=git_slots(bottle, facts.secrets),
        deploy_slots=deploy_slots(bottle, facts.secrets),
        transcript=provision.transcript,
        keep_workspace=request.keep_workspace,
        archives=request.archives,
        include=request.include,
        commit=request.workspace.commit if request.workspace else request.commit,
        additions=request.additions,
    )


def merge_routes(listed: Sequence[ManifestRoute], provided: Sequence[ManifestRoute]) -> tuple[ManifestRoute, ...]:
    """The bottle's routes, then the provider's to hosts that it does not list; a listed one without a credential is
    given the provider's (EGR-11)."""
    merged = list(listed)
    for offer in provided:
        same = [index for index, route in enumerate(merged) if (route.host, route.scheme) == (offer.host, offer.scheme)]
        if not same:
            merged.append(offer)
        for index in same:
            if merged[index].auth is None:
                merged[index] = evolve(merged[index], auth=offer.auth)
    return tuple(merged)


def planned_routes(routes: Sequence[ManifestRoute], listed: int, secrets: frozenset[str]) -> tuple[PlannedRoute, ...]:
    """The routes, the first `listed` of which are the bottle's own, with a numbered slot for each distinct credential
    (`EGRESS_TOKEN_0`, ...)."""
    refs = list(dict.fromkeys(route.auth.token_ref for route in routes if route.auth))
    return tuple(_planned_route(route, refs, secrets, index >= listed) for index, route in enumerate(routes))


def planned_env(
    manifest: Mapping[str, EnvEntry], provision: Provision, own: Mapping[str, str]
) -> tuple[PlannedEnv, ...]:
    """The agent's environment by name: the manifest's entries win over the provider's, these over bottle's own."""
    entries: dict[str, PlannedEnv] = {}
    for name, value in {**own, **provision.env}.items():
        source: EnvSource = "provider" if name in provision.env else "bottle"
        entries[name] = PlannedEnv(name, source, Verbatim(value), hidden=name in provision.hidden_env)
    for name, entry in manifest.items():
        entries[name] = PlannedEnv(name, _env_source(entry), entry)
    return tuple(entries[name] for name in sorted(entries))


def _own_env(routes: Sequence[PlannedRoute], proxy: Authority) -> Mapping[str, str]:
    given = (planned.route.host.text for planned in routes if planned.slot is not None)
    return {**own_env(proxy), **placeholders(given)}


def _wish(request: StartRequest, agent: Agent, bottle: EffectiveBottle, login: HostLogin | None) -> Wish:
    return Wish(
        settings=bottle.agent_provider,
        routes=bottle.routes,
        home=GUEST_HOME,
        workdir=_workdir(request),
        prompt_path=PROMPT_FILE if agent.prompt else None,
        label=request.label,
        color=request.color,
        remote_control=request.remote_control,
        arguments=request.arguments,
        env={name: entry.value for name, entry in bottle.env.items() if isinstance(entry, Verbatim)},
        login=login,
        supervise_url=f"http://{SERVICE}/" if bottle.supervise else "",
        headless=request.headless,
        session=request.session,
        message=request.message,
    )


def _workdir(request: StartRequest) -> str:
    return GUEST_WORKSPACE if request.copy_cwd else GUEST_HOME


def _planned_route(route: ManifestRoute, refs: Sequence[str], secrets: frozenset[str], provided: bool) -> PlannedRoute:
    slot = None
    inject = None
    if route.auth is not None:
        ref = route.auth.token_ref
        slot = Slot(f"EGRESS_TOKEN_{refs.index(ref)}", ref, route.host.text, available=ref in secrets)
        inject = Injection(route.auth.header.lower(), route.auth.scheme, slot.name)
    policy_route = Route(
        host=route.host,
        scheme=route.scheme,
        ports=route.ports,
        methods=route.methods,
        paths=route.paths,
        inject=inject,
        scan=route.scan,
        private_ips=route.private_ips,
        connect_to=route.connect_to,
        source="provider" if provided else "bottle",
    )
    return PlannedRoute(policy_route, slot)


def _refuse_withheld_env(bottle: EffectiveBottle, routes: Sequence[PlannedRoute]) -> None:
    """A credential that the way out adds stays out of the box; an entry that hands it in would undo that unnoticed."""
    withheld = {planned.slot.token_ref: planned.slot.host for planned in routes if planned.slot}
    withheld |= {remote.token_ref: host for host, remote in bottle.remotes.items() if remote.token_ref}
    withheld |= {remote.deploy_key.token_ref: host for host, remote in bottle.remotes.items() if remote.deploy_key}
    for name, entry in bottle.env.items():
        handed_in = [ref for ref in entry.names if ref in withheld] if isinstance(entry, HostVariables) else []
        if handed_in:
            raise ManifestError(
                f"bottle {bottle.name}: env: {name} would carry {handed_in[0]} into the box, the credential that"
                f" {withheld[handed_in[0]]} is given outside of it",
                hint="leave the entry out, or give a placeholder where a program insists on a value",
            )


def _require_headless(request: StartRequest, provider: Provider, provision: Provision) -> None:
    if request.headless and not provision.headless:
        raise ManifestError(
            f"agent_provider.template: {provider.template} does not say how it works without a terminal",
            hint="`bottle start` runs it; a plugin grants `wish.headless` with Provision(headless=True)",
        )


def _own_files(agent: Agent, bottle: EffectiveBottle) -> tuple[GuestFile, ...]:
    """The prompt, which is always there (PRV-08), and git's settings where there are any."""
    prompt = GuestFile(PROMPT_FILE, agent.prompt.encode())
    settings = git_settings(git_identity(agent, bottle), bottle.remotes)
    return (prompt, settings) if settings.content else (prompt,)


def _trees(request: StartRequest, agent: Agent) -> tuple[HostTree, ...]:
    skills = tuple(
        HostTree(f"{request.skills_root}/{name}", f"{GUEST_HOME}/.claude/skills/{name}") for name in agent.skills
    )
    workspace = (request.workspace.tree,) if request.workspace else ()
    return (*skills, *workspace)


def _env_source(entry: EnvEntry) -> EnvSource:
    if isinstance(entry, HostVariables):
        return "host"
    return "prompt" if isinstance(entry, Prompted) else "manifest"


def _left_out(request: StartRequest) -> tuple[str, ...]:
    return tuple(f"workspace: {note}" for note in request.workspace.notes) if request.workspace else ()


def _not_kept(request: StartRequest) -> tuple[str, ...]:
    kept = request.keep_workspace or not request.copy_cwd
    return () if kept else ("workspace: what is not pushed is gone at the end; --keep-workspace keeps it",)


def _until(login: HostLogin | None) -> tuple[str, ...]:
    """A bottle is not given a new token when its own ends: that is said beforehand."""
    if login is None or not login.expires_at:
        return ()
    return (f"the token in {login.token_ref} ends at {login.expires_at}; a bottle that runs longer gets no other",)
