"""What a start needs beside its plan, had before anything is made: images, secret values, prompts, certificates."""

from collections.abc import Mapping, Sequence

from bottle.app.ports import Cargo, World
from bottle.app.prepare import Prepared, require_ready, secrets_missing
from bottle.domain.environment import is_private
from bottle.domain.manifest import HostVariables, Prompted
from bottle.domain.plan import BottlePlan, PlannedEnv


def cargo_of(world: World, prepared: Prepared, earlier: Cargo | None = None) -> Cargo:
    """All that can fail without leaving anything: files, backend, secrets, prompts, images, certificates. What the
    operator typed for an `earlier` launch is not asked for again. Raises BottleError of the kind that fits."""
    plan = prepared.plan
    upstream_roots, upstream_proxy = world.upstream_roots(), world.upstream_proxy()
    require_ready(prepared)
    env = resolve_env(world, plan.env, earlier.env if earlier else {})
    secrets = resolve_secrets(world, plan)
    git_secrets = resolve_git_secrets(world, plan)
    ensure_images(world, prepared)
    hosts = [planned.route.host.text for planned in plan.routes]
    certificates = world.authority.issue(plan.identity, hosts, world.clock.now(), extensible=plan.supervise)
    return Cargo(
        certificates=certificates,
        secrets=secrets,
        env=env,
        given=withheld_of(world, plan.env, env),
        upstream_roots=upstream_roots,
        upstream_proxy=upstream_proxy,
        git_secrets=git_secrets,
    )


def ensure_images(world: World, prepared: Prepared) -> None:
    """Builds or installs what is not there yet. Raises ProvisionError."""
    images = (prepared.plan.sidecar_image, prepared.plan.image)
    for image in prepared.backend.missing(images):
        world.progress.step(f"making ready, once: {image.tag}")
        prepared.backend.build(image, world.progress)


def resolve_secrets(world: World, plan: BottlePlan) -> dict[str, str]:
    """The value of every slot. Raises SecretMissingError."""
    return {slot.name: world.credentials.value(slot.token_ref) for slot in plan.slots}


def resolve_git_secrets(world: World, plan: BottlePlan) -> dict[str, str]:
    """The key or the token of each git remote that has one. Raises SecretMissingError, ManifestError."""
    tokens = {slot.host: world.credentials.value(slot.token_ref) for slot in plan.git_slots}
    keys = {host: world.git_keys.key(host, remote) for host, remote in plan.remotes.items() if host not in tokens}
    return {**tokens, **{host: key for host, key in keys.items() if key}}


def resolve_env(world: World, entries: Sequence[PlannedEnv], typed: Mapping[str, str]) -> dict[str, str]:
    """The values of the entries that come from the host or from the operator, who is asked for what was not `typed`
    before. Raises SecretMissingError."""
    wanted = {name for item in entries if isinstance(item.entry, HostVariables) for name in item.entry.names}
    missing = sorted(wanted - world.credentials.available(wanted))
    if missing:
        raise secrets_missing(missing)
    values: dict[str, str] = {}
    for item in entries:
        if isinstance(item.entry, HostVariables):
            values[item.name] = item.entry.render({name: world.credentials.variable(name) for name in item.entry.names})
        elif isinstance(item.entry, Prompted):
            values[item.name] = typed.get(item.name) or world.operator.ask_secret(item.name)
    return values


def withheld_of(world: World, entries: Sequence[PlannedEnv], values: Mapping[str, str]) -> dict[str, str]:
    """Those of the box's values that came from the operator or the host, but for what a host tells everybody."""
    given: dict[str, str] = {}
    for item in entries:
        if isinstance(item.entry, HostVariables):
            given |= {name: world.credentials.variable(name) for name in item.entry.names if is_private(name)}
        elif isinstance(item.entry, Prompted):
            given[item.name] = values[item.name]
    return given
