"""What is said about git: who commits, and the upstreams behind the gate."""

from bottle.adapters.manifests.keys import REQUIRED, Key, Section

USER = Section(
    "git.user",
    (
        Key("name", "text", "the name that commits claim; an empty text says nothing", "from the parent"),
        Key("email", "text", "the address that commits claim; likewise", "from the parent"),
    ),
)

PUSH = Section(
    "git.remotes.<host>.push",
    (
        Key(
            "branches", "list of globs", "branches that may be pushed: `*` within a level, `**` beyond", "every branch"
        ),
        Key("tags", "list of globs", "tags that may be pushed", "no tag"),
        Key("force", "`true`, `false`", "whether a branch may be rewritten", "`false`"),
        Key("delete", "`true`, `false`", "whether a branch or tag may be deleted", "`false`"),
        Key("allow", "list of fingerprints", "findings that are no secrets, as the gate's refusal names them", "none"),
    ),
)

DEPLOY_KEY = Section(
    "git.remotes.<host>.deploy_key",
    (
        Key("provider", "word", "the kind of forge: `gitea` (Forgejo too)", REQUIRED),
        Key("url", "address", "the forge's web address over HTTPS", REQUIRED),
        Key("token_ref", "variable's name", "the host variable with a token that may register keys", REQUIRED),
        Key("read_only", "`true`, `false`", "the key cannot push", "`false`"),
    ),
)

REMOTE = Section(
    "git.remotes.<host>",
    (
        Key(
            "Upstream",
            "address",
            "`ssh://user@host:port/path`, `user@host:path` or `https://host/path`, without a credential; "
            "`local`: the result stays on this host",
            REQUIRED,
        ),
        Key(
            "IdentityFile",
            "path",
            "SSH: the private key, without a passphrase, readable by you alone",
            "SSH: an error at start, unless there is a `deploy_key`",
        ),
        Key(
            "KnownHostKey",
            "text",
            "SSH: type and key of the host, `ssh-ed25519 AAAA...`, as `ssh-keyscan` prints them",
            "SSH: an error at start",
        ),
        Key(
            "deploy_key",
            "mapping",
            "SSH, in the place of `IdentityFile`: a key that the forge makes for this bottle alone",
            "none",
            DEPLOY_KEY,
        ),
        Key("token_ref", "variable's name", "HTTPS: the host variable with the token", "none"),
        Key(
            "ssrf_ip_allowlist",
            "list of networks",
            "addresses that are not public and that the upstream's name may lead to; "
            "one that stands in `Upstream` itself need not be listed",
            "none",
        ),
        Key("push", "mapping", "what the gate lets through", "every branch, no tag, no rewriting", PUSH),
    ),
)

GIT = Section(
    "git",
    (
        Key(
            "user",
            "mapping",
            "the identity of commits; merged with the parent's field by field",
            "from the parent",
            USER,
        ),
        Key(
            "remotes",
            "mapping of hosts",
            "one [upstream](#gitremoteshost) for each host; merged with the parent's by host, `{}` clears them",
            "from the parent",
            REMOTE,
        ),
    ),
)

AGENT_GIT = Section(
    "agent's git",
    (Key("user", "mapping", "`name` and `email`; each goes before the bottle's", "the bottle's", USER),),
)
