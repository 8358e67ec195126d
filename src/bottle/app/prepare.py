"""From what an operator asks to a plan: reads manifests and the host, touches nothing."""

from collections.abc import Iterator, Sequence

from attrs import frozen

from bottle.app.ports import Backend, Survey, World
from bottle.domain import planning
from bottle.domain.backends import BACKENDS, EXPERIMENTAL
from bottle.domain.errors import BackendError, BottleError, ManifestError, NotFoundError, SecretMissingError, UsageError
from bottle.domain.labels import COLORS, label_fault
from bottle.domain.manifest import AgentProvider, EffectiveBottle, Manifest
from bottle.domain.names import did_you_mean, identity_of
from bottle.domain.plan import BottlePlan, Image
from bottle.domain.provider import HostLogin, Provider
from bottle.domain.state import Metadata
from bottle.domain.taken_out import KeptArchive
from bottle.domain.upstream_proxy import is_on_loopback
from bottle.domain.workspace import Workspace


@frozen
class Wanted:
    """What the operator asked for on the command line. Nobody chose a label or a colour that is None."""

    agent: str
    backend: str | None = None
    label: str | None = None
    color: str | None = None
    cwd: str = ""
    copy_cwd: bool = False
    include: tuple[str, ...] = ()
    remote_control: bool = False
    arguments: tuple[str, ...] = ()
    headless: bool = False
    session: str | None = None
    keep_workspace: bool = False
    archives: tuple[KeptArchive, ...] = ()
    """What is put back of the bottle that is resumed."""
    additions: tuple[str, ...] = ()
    """What was added to its image while it ran."""


@frozen
class Sources:
    """What a plan was made of."""

    request: planning.StartRequest
    manifest: Manifest
    provider: Provider
    facts: planning.HostFacts

    def plan(self) -> BottlePlan:
        return planning.resolve(self.request, self.manifest, self.provider, self.facts)


@frozen
class Prepared:
    """A plan with what it was made of, the backend that will carry it out and what that backend found."""

    plan: BottlePlan
    sources: Sources
    backend: Backend
    survey: Survey
    faults: tuple[BottleError, ...] = ()
    """What keeps a login that it forwards, its git remotes or its skills from being served."""
    before: Metadata | None = None
    """How the bottle stood that is resumed; None for a new one."""


def prepare(world: World, wanted: Wanted, before: Metadata | None = None) -> Prepared:
    """The plan, under a fresh identity or that of the bottle that is resumed.

    Raises UsageError, NotFoundError, ManifestError, and BackendError for a backend that is not known. A host that
    cannot carry the plan out is told by `require_ready`.
    """
    check_words(wanted)
    manifest = world.manifests.load(wanted.agent)
    bottle = manifest.bottle_for(wanted.agent)
    backend = choose_backend(world, wanted.backend or world.chosen_backend or bottle.backend)
    provider = world.providers.get(bottle.agent_provider.template)
    survey = backend.survey()
    upstream_proxy = world.upstream_proxy()
    _refuse_recipe(world, bottle)
    login, absent_login = _login(world, bottle.agent_provider)
    image, sidecar_image = images_of(backend, provider, bottle.agent_provider, wanted.additions)
    faults = (
        *([absent_login] if absent_login else []),
        *_git_faults(world, bottle, backend, usable=survey.usable),
        *_skill_faults(world, manifest.agent(wanted.agent).skills),
    )
    facts = planning.HostFacts(
        backend=backend.name,
        walls=survey.walls,
        proxy=survey.proxy,
        image=image,
        sidecar_image=sidecar_image,
        secrets=world.credentials.available(_token_refs(manifest, wanted.agent, login)),
        upstream_proxy=upstream_proxy.authority if upstream_proxy else None,
        notes=(
            *(survey.notes if survey.usable else (f"{backend.name} cannot be used now: {survey.reason}",)),
            *map(str, faults),
        ),
        login=login,
    )
    sources = Sources(_request(world, wanted, before), manifest, provider, facts)
    return Prepared(sources.plan(), sources, backend, survey, faults, before)


def images_of(
    backend: Backend, provider: Provider, settings: AgentProvider, more: Sequence[str] = ()
) -> tuple[Image, Image]:
    """The agent's image, with all that is built on top of it, and the sidecar's. Raises ManifestError, UsageError."""
    image, sidecar_image = backend.images(provider, settings.dockerfile)
    additions = tuple(dict.fromkeys((*settings.additions, *more)))
    return (backend.extended(image, additions) if additions else image), sidecar_image


def _request(world: World, wanted: Wanted, before: Metadata | None) -> planning.StartRequest:
    return planning.StartRequest(
        agent=wanted.agent,
        identity=before.identity if before else identity_of(wanted.agent, world.entropy.suffix()),
        label=wanted.label or "",
        color=wanted.color or "",
        cwd=wanted.cwd,
        copy_cwd=wanted.copy_cwd,
        workspace=_workspace(world, wanted),
        include=wanted.include,
        headless=wanted.headless,
        session=wanted.session,
        keep_workspace=wanted.keep_workspace,
        archives=wanted.archives,
        commit=before.commit if before else "",
        remote_control=wanted.remote_control,
        arguments=wanted.arguments,
        skills_root=world.skills_root,
        additions=wanted.additions,
    )


def _workspace(world: World, wanted: Wanted) -> Workspace | None:
    """The copy that goes in; none where one is put back."""
    is_kept = any(kept.part == "workspace" for kept in wanted.archives)
    return world.workspaces.survey(wanted.cwd, wanted.include) if wanted.copy_cwd and not is_kept else None


def choose_backend(world: World, named: str | None) -> Backend:
    """The backend that was named, and no other; where none was, the first that is usable and no experiment, else the
    first."""
    if named is None:
        known = [backend for name, backend in world.backends.items() if name not in EXPERIMENTAL]
        return next((backend for backend in known if backend.survey().usable), known[0])
    for name in world.backends:
        if name == named:
            return world.backends[name]
    if named in BACKENDS:
        raise BackendError(f"backend '{named}' is not served by this version", hint=f"served: {_names(world)}")
    raise BackendError(f"no backend is called '{named}'", hint=did_you_mean(named, world.backends))


def require_ready(prepared: Prepared) -> None:
    """Raises BackendError when the backend cannot work here, SecretMissingError when a credential is not set,
    UsageError for an upstream proxy that the sidecar cannot reach."""
    if not prepared.survey.usable:
        reason = prepared.survey.reason or "does not answer"
        raise BackendError(f"{prepared.plan.backend}: {reason}", hint=prepared.survey.hint)
    proxy = prepared.plan.upstream_proxy
    if proxy is not None and is_on_loopback(proxy) and not prepared.survey.shares_loopback:
        raise UsageError(
            f"BOT_BOTTLE_UPSTREAM_PROXY: {proxy} is the sidecar's own loopback under {prepared.plan.backend}",
            hint="name an address of this host that containers reach, and let the proxy listen there",
        )
    if prepared.plan.missing_secrets:
        raise secrets_missing(prepared.plan.missing_secrets)
    for fault in prepared.faults:
        raise fault


def secrets_missing(names: Sequence[str]) -> SecretMissingError:
    """The error for host variables that are not set."""
    return SecretMissingError(
        f"not set in this environment: {', '.join(names)}", hint=f"export {names[0]}=... and start again"
    )


def check_words(wanted: Wanted) -> None:
    """Raises UsageError for a label or a colour that cannot be."""
    fault = label_fault(wanted.label or "")
    if fault is not None:
        raise UsageError(f"--label: {fault}")
    if wanted.color and wanted.color not in COLORS:
        raise UsageError(f"--color: '{wanted.color}' is no colour", hint=did_you_mean(wanted.color, COLORS))


def _refuse_recipe(world: World, bottle: EffectiveBottle) -> None:
    """Whoever writes the Dockerfile decides what runs in the box: a working tree does not, unless that is meant."""
    settings = bottle.agent_provider
    if settings.dockerfile is not None and not settings.dockerfile_from_tree and world.is_in_tree(settings.dockerfile):
        raise ManifestError(
            f"bottle {bottle.name}: agent_provider.dockerfile: {settings.dockerfile} lies in the working tree",
            hint="move it, or say that it is meant: `dockerfile_from_tree: true`",
        )


def _login(world: World, settings: AgentProvider) -> tuple[HostLogin | None, SecretMissingError | None]:
    """This host's login where the manifest forwards it, or why there is none."""
    if not settings.forward_host_credentials or settings.template not in world.logins:
        return None, None
    try:
        return world.logins[settings.template].look(), None
    except SecretMissingError as error:
        return None, error


def _token_refs(manifest: Manifest, agent: str, login: HostLogin | None) -> set[str]:
    """The names that any route of this bottle, or its provider, may ask for."""
    bottle = manifest.bottle_for(agent)
    refs = {route.auth.token_ref for route in bottle.routes if route.auth}
    refs |= {remote.token_ref for remote in bottle.remotes.values() if remote.token_ref}
    refs |= {remote.deploy_key.token_ref for remote in bottle.remotes.values() if remote.deploy_key}
    if bottle.agent_provider.auth_token:
        refs.add(bottle.agent_provider.auth_token)
    if login is not None:
        refs.add(login.token_ref)
    return refs


def _git_faults(world: World, bottle: EffectiveBottle, backend: Backend, *, usable: bool) -> tuple[BottleError, ...]:
    found: list[BottleError | None] = [world.git_keys.fault(host, remote) for host, remote in bottle.remotes.items()]
    if bottle.remotes and usable:
        found.append(backend.git_fault())
    return tuple(fault for fault in found if fault is not None)


def _skill_faults(world: World, skills: Sequence[str]) -> Iterator[BottleError]:
    for name in skills:
        if not world.has_skill(name):
            yield NotFoundError(
                f"skill '{name}' is not on this host: there is no directory {world.skills_root}/{name}",
                hint="take it out of the agent's `skills`, or put it there",
            )


def _names(world: World) -> str:
    return ", ".join(world.backends)
