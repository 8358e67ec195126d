"""What a bottle's file may say (MAN-09 to MAN-12, ENV-01)."""

import pytest

from bottle.domain.environment import env_entry
from bottle.domain.manifest import (
    AgentProvider,
    Git,
    GitUser,
    HostVariables,
    KeyWish,
    Prompted,
    PushRules,
    Remote,
    Resources,
    Verbatim,
)

from .conftest import PROVIDER, ReadBottle, Refusal

UPSTREAM = "ssh://git@git.example.org:30009/sam/widgets.git"


def remote(rest: str = "", upstream: str = UPSTREAM) -> str:
    return f"git:\n  remotes:\n    git.example.org:\n      Upstream: {upstream}\n      {rest}"


def wish(provider: str = "gitea", url: str = "https://h.example", token: str = "FORGE_TOKEN") -> str:
    return f'deploy_key: {{provider: {provider}, url: "{url}", token_ref: {token}, read_only: true}}'


def test_a_deploy_key_is_read(bottle: ReadBottle) -> None:
    """It takes the place of an IdentityFile."""
    remotes = bottle(remote(wish())).git.remotes
    assert remotes is not None
    assert remotes["git.example.org"].deploy_key == KeyWish("gitea", "https://h.example", "FORGE_TOKEN", read_only=True)


def test_an_empty_bottle_says_nothing(bottle: ReadBottle) -> None:
    empty = bottle("")
    assert (empty.extends, empty.env, empty.git, empty.agent_provider) == (None, {}, Git(), None)
    assert (empty.routes, empty.supervise, empty.backend, empty.resources) == (None, None, None, None)


def test_man_09_null_counts_as_not_said(bottle: ReadBottle) -> None:
    keys = ("extends", "env", "git", "agent_provider", "egress", "supervise", "backend", "resources")
    assert bottle("\n".join(f"{key}: null" for key in keys)) == bottle("")


@pytest.mark.parametrize("key", ["extends", "env", "git", "agent_provider", "egress", "supervise", "backend"])
def test_a_key_with_nothing_after_it_is_unfinished(refusal: Refusal, key: str) -> None:
    message, hint = refusal(f"supervise: true\n{key}:" if key != "supervise" else f"\n{key}:")
    assert message == f"bottles/dev.md:3:1: {key}: nothing stands after the key"
    assert "null" in hint


@pytest.mark.parametrize(
    ("head", "says", "hint"),
    [
        ("egres: {}", ":2:1: egres: unknown key", "did you mean 'egress'?"),
        ("extend: claude", ":2:1: extend: unknown key", "did you mean 'extends'?"),
        ("bottle: claude", ":2:1: bottle: unknown key", "belongs to the agent's file"),
        ("zzz: 1", ":2:1: zzz: unknown key", "known: agent_provider, backend"),
        ("git: {usr: {}}", ":2:7: git.usr: unknown key", "did you mean 'user'?"),
        ("git: {user: {mail: x}}", ":2:14: git.user.mail: unknown key", "did you mean 'email'?"),
        ("agent_provider: {templat: x}", ".templat: unknown key", "did you mean 'template'?"),
        ("resources: {mem: 1g}", ".mem: unknown key", "memory"),
        (remote("IdentityFil: ~/x"), ".IdentityFil: unknown key", "did you mean 'IdentityFile'?"),
        (remote("push: {forse: true}"), ".push.forse: unknown key", "did you mean 'force'?"),
    ],
)
def test_man_17_unknown_keys_die_with_the_nearest_known_one(refusal: Refusal, head: str, says: str, hint: str) -> None:
    message, remedy = refusal(head)
    assert says in message
    assert hint in remedy


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("extends: [claude]", "extends: found a list, wanted a text"),
        ("extends: 7", "extends: found the number 7, wanted a text"),
        ("extends: Claude", "extends: 'Claude' is no name"),
        ("extends: ../claude", "extends: '../claude' is no name"),
        ("env: [A]", "env: found a list, wanted a mapping"),
        ("git: true", "git: found `true`, wanted a mapping"),
        ("egress: []", "egress: found a list, wanted a mapping"),
        ("egress: {routes: {}}", "egress.routes: found a mapping, wanted a list"),
        ("egress: {routes: [x]}", "egress.routes[0]: found a text, wanted a mapping"),
        ("egress: {routes: [null]}", "egress.routes[0]: found `null`, wanted a mapping"),
        ("supervise: 1", "supervise: found the number 1, wanted `true` or `false`"),
        ('supervise: "true"', "supervise: found a text, wanted `true` or `false`"),
        ("backend: podman", "backend: 'podman' is not known here"),
        ("resources: 4g", "resources: found a text, wanted a mapping"),
    ],
)
def test_wrong_types_say_what_was_found_and_what_is_wanted(refusal: Refusal, head: str, says: str) -> None:
    message, _ = refusal(head)
    assert message.startswith("bottles/dev.md:2:")
    assert says in message


@pytest.mark.parametrize(
    ("written", "entry"),
    [
        ("sam", Verbatim("sam")),
        ('"debug"', Verbatim("debug")),
        ('""', Verbatim("")),
        ('"two\\nlines"', Verbatim("two\nlines")),
        ("8080", Verbatim("8080")),
        ("1.10", Verbatim("1.10")),
        ("true", Verbatim("true")),
        ('"yes"', Verbatim("yes")),
        ("$HOME", Verbatim("$HOME")),
        ("a?prompt", Verbatim("a?prompt")),
        ("?prompt", Prompted()),
        ('"?prompt"', Prompted()),
        ("${STAGING}", HostVariables("${STAGING}", ("STAGING",))),
        ("${A}-${B}/${A}", HostVariables("${A}-${B}/${A}", ("A", "B"))),
        ("$${A}{B}", HostVariables("$${A}{B}", ("A",))),
    ],
)
def test_env_01_values_are_literals_prompts_or_host_variables(bottle: ReadBottle, written: str, entry: object) -> None:
    assert bottle(f"env:\n  NAME: {written}").env == {"NAME": entry}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("${}", "holds a `${`"),
        ("${A", "holds a `${`"),
        ("${A:-x}", "holds a `${`"),
        ("${1}", "holds a `${`"),
        ("x${A}${", "holds a `${`"),
        ("?promt", "looks like a mistyped `?prompt`"),
        ('"?prompt "', "looks like a mistyped `?prompt`"),
        ("null", "found `null`, wanted a text"),
        ("", "found nothing, wanted a text"),
        ("[a]", "found a list, wanted a text"),
        ("{a: b}", "found a mapping, wanted a text"),
        ('"a\\0b"', "holds a NUL"),
    ],
)
def test_env_01_what_could_mean_something_else_is_refused(refusal: Refusal, written: str, says: str) -> None:
    message, hint = refusal(f"env:\n  NAME: {written}")
    assert message.startswith("bottles/dev.md:3:")
    assert "env.NAME: " + says in message
    assert hint or "NUL" in message


@pytest.mark.parametrize("name", ["1A", "A-B", "A.B", "Ä", '"A B"', '"A=B"'])
def test_env_01_a_variable_has_a_name_that_every_shell_takes(refusal: Refusal, name: str) -> None:
    message, _ = refusal(f"env:\n  {name}: x")
    assert message.startswith("bottles/dev.md:3:3: env")
    assert "is no variable's name" in message


def test_env_01_host_variables_are_filled_in_once(bottle: ReadBottle) -> None:
    entry = env_entry("${A}:${B}")
    assert isinstance(entry, HostVariables)
    assert entry.render({"A": "${B}", "B": "b"}) == "${B}:b"


@pytest.mark.parametrize(
    ("head", "provider"),
    [
        ("{template: claude}", AgentProvider("claude")),
        ("{template: my-own-agent}", AgentProvider("my-own-agent")),
        ("{template: claude, auth_token: CLAUDE_TOKEN}", AgentProvider("claude", auth_token="CLAUDE_TOKEN")),
        ("{template: codex, forward_host_credentials: true}", AgentProvider("codex", forward_host_credentials=True)),
        ("{template: codex, dockerfile: ~/Dockerfile}", AgentProvider("codex", dockerfile="~/Dockerfile")),
    ],
)
def test_man_10_12_providers(bottle: ReadBottle, head: str, provider: AgentProvider) -> None:
    assert bottle(f"agent_provider: {head}").agent_provider == provider


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("{template: codex, auth_token: T}", "auth_token: only the template `claude` has this, not `codex`"),
        ("{template: mine, auth_token: T}", "auth_token: only the template `claude` has this, not `mine`"),
        (
            "{template: claude, forward_host_credentials: true}",
            "forward_host_credentials: only the template `codex` has this, not `claude`",
        ),
        ("{dockerfile: ~/x}", "agent_provider: `template` is missing"),
        ("{template: Claude}", "template: 'Claude' is no name"),
    ],
)
def test_man_11_what_only_one_template_has_is_refused_for_the_others(refusal: Refusal, head: str, says: str) -> None:
    message, hint = refusal(f"agent_provider: {head}")
    assert says in message
    assert hint


@pytest.mark.parametrize("path", ["Dockerfile", "./Dockerfile", "~sam/Dockerfile", "../Dockerfile"])
def test_man_22_a_dockerfile_is_never_looked_for_in_the_repository_at_hand(refusal: Refusal, path: str) -> None:
    message, hint = refusal(f"agent_provider: {{template: mine, dockerfile: {path}}}")
    assert "agent_provider.dockerfile: is relative" in message
    assert "`~/`" in hint


def test_man_09_git_keys(bottle: ReadBottle) -> None:
    read = bottle(
        remote(
            "IdentityFile: ~/.ssh/id\n      KnownHostKey: ssh-ed25519 AAAAC3Nz\n      "
            "push: {branches: [main, 'agent/*'], force: true}\n  user: {name: sam, email: sam@example.org}"
        )
    )
    assert read.git == Git(
        user=GitUser("sam", "sam@example.org"),
        remotes={
            "git.example.org": Remote(
                upstream=UPSTREAM,
                identity_file="~/.ssh/id",
                known_host_key="ssh-ed25519 AAAAC3Nz",
                push=PushRules(("main", "agent/*"), force=True),
            )
        },
    )


@pytest.mark.parametrize(
    "upstream",
    ["ssh://git@h.example/a.git", "ssh://h.example/a.git", "git@h.example:team/a.git", "https://h.example/a.git"],
)
def test_upstreams_over_ssh_and_https(bottle: ReadBottle, upstream: str) -> None:
    remotes = bottle(remote(upstream=upstream)).git.remotes
    assert remotes is not None
    assert remotes["git.example.org"].upstream == upstream


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (remote(upstream="'ext::sh -c x'"), "Upstream: is no upstream over SSH or HTTPS"),
        (remote(upstream="ext::sh"), "Upstream: is no upstream over SSH or HTTPS"),
        (remote(upstream="file:///etc"), "Upstream: is no upstream over SSH or HTTPS"),
        (remote(upstream="/srv/a.git"), "Upstream: is no upstream over SSH or HTTPS"),
        (remote(upstream="http://h.example/a.git"), "Upstream: is no upstream over SSH or HTTPS"),
        (remote(upstream="git://h.example/a.git"), "Upstream: is no upstream over SSH or HTTPS"),
        (remote(upstream="ssh://-oProxyCommand=x/a"), "Upstream: is no upstream over SSH or HTTPS"),
        (remote(upstream="--upload-pack=x"), "Upstream: is no upstream over SSH or HTTPS"),
        (remote(upstream="'-x@h.example:a'"), "Upstream: is no upstream over SSH or HTTPS"),
        (remote(upstream="ssh://-x@h.example/a"), "Upstream: is no upstream over SSH or HTTPS"),
        (remote(upstream="h.example:-x"), "Upstream: is no upstream over SSH or HTTPS"),
        (remote(upstream="https://sam:hunter2@h.example/a"), "Upstream: holds a credential"),
        (remote(upstream="https://hunter2@h.example/a"), "Upstream: holds a credential"),
        (remote("token_ref: T"), "token_ref: means nothing for an upstream over SSH"),
        (remote("IdentityFile: ~/x", "https://h.example/a"), "IdentityFile: means nothing for an upstream over HTTPS"),
        (remote("IdentityFile: id"), "IdentityFile: is relative"),
        (remote("KnownHostKey: git.example.org ssh-ed25519 AAAA"), "KnownHostKey: is no host key"),
        (remote('KnownHostKey: "ssh-ed25519 AAAA\\n* ssh-rsa BBBB"'), "KnownHostKey: holds a control"),
        (remote(wish(url="http://h.example")), "deploy_key.url: is no web address of a forge over HTTPS"),
        (remote(wish(url="https://sam:hunter2@h.example")), "deploy_key.url: is no web address of a forge over HTTPS"),
        (remote(wish(provider="github")), "deploy_key.provider: 'github' is not known here"),
        (remote(wish(token="hunter2-hunter2-hunter2-hunter2-hunter2")), "deploy_key.token_ref: looks like a secret"),
        (remote(f"IdentityFile: ~/x\n      {wish()}"), "deploy_key: stands beside an IdentityFile"),
        (remote(wish(), "ssh://git@h.example/widgets.git"), "deploy_key: needs an Upstream of the form"),
        (remote(wish(), "https://h.example/sam/widgets.git"), "deploy_key: means nothing for an upstream over HTTPS"),
        (remote("push: {branches: []}"), "branches: an empty list"),
        (remote("push: {branches: [refs/heads/main]}"), "branches[0]: names a ref"),
        (remote("push: {branches: [a..b]}"), "branches[0]: can match no branch"),
        (remote("push: {branches: [main, main]}"), "branches[1]: stands in the list twice"),
        (remote("push: {force: 'no'}"), "force: found a text"),
        ("git: {remotes: {git.example.org: {}}}", "git.remotes[git.example.org]: `Upstream` is missing"),
        ("git: {remotes: {Git.Example.org: {}}}", "git.remotes[Git.Example.org]: is not in normal form"),
        ("git: {remotes: {'a b': {}}}", "git.remotes[a b]: "),
        ("git: {user: {name: 'a <b>'}}", "git.user.name: holds `<`"),
        ('git: {user: {email: "a\\nb"}}', "git.user.email: holds a control"),
        ("git: {user: {name: 7}}", "git.user.name: found the number 7, wanted a text"),
    ],
)
def test_git_is_refused_where_it_could_do_harm_or_means_nothing(refusal: Refusal, head: str, says: str) -> None:
    message, hint = refusal(head)
    assert says in message
    assert "hunter2" not in message + hint


@pytest.mark.parametrize(
    ("head", "resources"),
    [
        ("{}", Resources()),
        ("{memory: 512m}", Resources(memory=512 * 1024**2)),
        ("{memory: 8g}", Resources(memory=8 * 1024**3)),
        ("{memory: 1073741824}", Resources(memory=1024**3)),
        ("{cpus: 1.5}", Resources(cpus=1.5)),
        ("{cpus: 4, pids: 4096}", Resources(cpus=4.0, pids=4096)),
    ],
)
def test_resources(bottle: ReadBottle, head: str, resources: Resources) -> None:
    assert bottle(f"resources: {head}").resources == resources


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("{memory: 4G}", "memory: is no amount"),
        ("{memory: 4gb}", "memory: is no amount"),
        ("{memory: 0.5}", "memory: found the number 0.5, wanted a whole number"),
        ("{memory: 1m}", "memory: is too little"),
        ("{memory: -1}", "memory: is too little"),
        ("{memory: true}", "memory: found `true`"),
        ("{cpus: 0}", "cpus: is no number of"),
        ("{cpus: '2'}", "cpus: found a text, wanted a number"),
        ("{cpus: true}", "cpus: found `true`, wanted a number"),
        ("{pids: 1.5}", "pids: found the number 1.5, wanted a whole number"),
        ("{pids: 0}", "pids: is too few"),
    ],
)
def test_resources_out_of_range_are_refused(refusal: Refusal, head: str, says: str) -> None:
    assert f"resources.{says}" in refusal(f"resources: {head}")[0]


@pytest.mark.parametrize("backend", ["docker", "smolmachines", "bubblewrap"])
def test_backends(bottle: ReadBottle, backend: str) -> None:
    assert bottle(f"{PROVIDER}\nbackend: {backend}\nsupervise: false").backend == backend
