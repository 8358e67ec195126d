"""What git is told in the box: who commits, and the way to the gate; and which tokens the gate needs."""

from collections.abc import Mapping

from bottle.domain.gitgate import GATE, Upstream, rewrites, served_path
from bottle.domain.manifest import Agent, EffectiveBottle, Remote, merge_user
from bottle.domain.plan import GitIdentity, Slot
from bottle.domain.provision import GUEST_HOME, GuestFile


def git_identity(agent: Agent, bottle: EffectiveBottle) -> GitIdentity:
    """Per field the agent's, else the bottle's (MAN-08). An agent's identity is claimed, not vouched for."""
    user = merge_user(agent.git_user, bottle.git_user)
    return GitIdentity(
        name=user.name,
        email=user.email,
        name_source=_who_says(agent.git_user.name, bottle.git_user.name),
        email_source=_who_says(agent.git_user.email, bottle.git_user.email),
    )


def git_settings(identity: GitIdentity, remotes: Mapping[str, Remote]) -> GuestFile:
    """The agent's `.gitconfig`: who commits, and the way to the gate. Empty where neither is said."""
    said = {"name": identity.name, "email": identity.email}
    who = "".join(f"\t{key} = {quoted(value)}\n" for key, value in said.items() if value)
    text = (f"[user]\n{who}" if who else "") + _turns(remotes)
    return GuestFile(f"{GUEST_HOME}/.gitconfig", text.encode(), mode=0o644)


def git_slots(bottle: EffectiveBottle, secrets: frozenset[str]) -> tuple[Slot, ...]:
    """The tokens that the git gate needs, one for each remote that names one."""
    return tuple(
        Slot(f"GIT_TOKEN_{number}", remote.token_ref, host, available=remote.token_ref in secrets)
        for number, (host, remote) in enumerate(bottle.remotes.items())
        if remote.token_ref
    )


def deploy_slots(bottle: EffectiveBottle, secrets: frozenset[str]) -> tuple[Slot, ...]:
    """The tokens by which keys for this bottle are registered; neither box nor gate is handed one."""
    wishes = [(host, remote.deploy_key) for host, remote in bottle.remotes.items() if remote.deploy_key]
    return tuple(
        Slot(f"FORGE_TOKEN_{number}", wish.token_ref, host, available=wish.token_ref in secrets)
        for number, (host, wish) in enumerate(wishes)
    )


def _turns(remotes: Mapping[str, Remote]) -> str:
    """The part of the agent's git settings that turns it to the gate; a result that stays here is a remote `bottle`."""
    lines: list[str] = []
    for host, remote in remotes.items():
        for base, spelling in rewrites(host, remote):
            lines += [f"[url {quoted(base)}]", f"\tinsteadOf = {quoted(spelling)}"]
        if Upstream.parse(remote.upstream).kind == "local":
            url = f"http://{GATE}{served_path(host, remote)}"
            lines += ['[remote "bottle"]', f"\turl = {quoted(url)}", "\tfetch = +refs/heads/*:refs/remotes/bottle/*"]
    return "".join(f"{line}\n" for line in lines)


def quoted(value: str) -> str:
    """A value as git-config(1) reads it back: in double quotes, with quotes, backslashes and line ends escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _who_says(agent: str, bottle: str) -> str:
    if agent:
        return "agent"
    return "bottle" if bottle else ""
