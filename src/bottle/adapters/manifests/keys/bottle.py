"""What a bottle and an agent say of themselves."""

from bottle.adapters.manifests.keys import REQUIRED, Key, Section
from bottle.adapters.manifests.keys.egress import EGRESS
from bottle.adapters.manifests.keys.git import AGENT_GIT, GIT

_FLAG = "`true`, `false`"

AGENT_PROVIDER = Section(
    "agent_provider",
    (
        Key(
            "template",
            "name",
            "`claude`, `codex`, or the name of a [provider of your own](providers.md#a-program-of-your-own)",
            REQUIRED,
        ),
        Key(
            "auth_token",
            "variable's name",
            "for `claude` alone: the host variable with its token, which the agent's own service gets and nobody else",
            "none: a route's `auth` may inject",
        ),
        Key(
            "forward_host_credentials",
            _FLAG,
            "for `codex` alone: the login of this host is [forwarded](providers.md); the box never holds it",
            "`false`",
        ),
        Key("dockerfile", "path", "builds the agent's image instead of the provider's own", "the provider's"),
        Key(
            "dockerfile_from_tree",
            _FLAG,
            "the Dockerfile is meant to lie in the very tree that the agent works on, which is refused otherwise",
            "`false`",
        ),
        Key(
            "additions",
            "list of lines",
            "`RUN` and `ENV` of a Dockerfile, built as root on top of the image;"
            " [an answer that is kept](supervise.md#a-tool-that-is-not-there) stands here",
            "nothing",
        ),
    ),
)

RESOURCES = Section(
    "resources",
    (
        Key("memory", "amount", "`512m`, `4g`, or a number of bytes; `64m` at least", "`4g`"),
        Key("cpus", "number", "processor cores, `2` or `1.5`", "`2`"),
        Key("pids", "number", "processes and threads; 16 at least", "`1024`"),
    ),
)

BOTTLE = Section(
    "bottle",
    (
        Key("extends", "name", "the bottle that this one overlays, its *parent*", "stands alone"),
        Key(
            "agent_provider",
            "mapping",
            "which agent program works in it; replaced whole",
            "from the parent; required somewhere in the chain",
            AGENT_PROVIDER,
        ),
        Key(
            "env",
            "mapping",
            "[variables](#variables) of the agent's environment; merged with the parent's by name, this one wins",
            "nothing more",
        ),
        Key(
            "git", "mapping", "who commits, and the remotes behind the [git gate](git-gate.md)", "from the parent", GIT
        ),
        Key("egress", "mapping", "what the bottle reaches, and what is a secret there", "from the parent", EGRESS),
        Key("supervise", _FLAG, "a stuck agent [can ask](supervise.md)", "from the parent, else `false`"),
        Key(
            "backend",
            "word",
            "`docker`, `bubblewrap` ([walls](walls.md)) or `smolmachines` (experimental: "
            "[machines](smolmachines.md)): that one or an error; `--backend` and `BOT_BOTTLE_BACKEND` go before it",
            "from the parent, else docker where its engine answers, else bubblewrap",
        ),
        Key("resources", "mapping", "the limits of the box; replaced whole", "from the parent", RESOURCES),
    ),
)

_SUBAGENT = "a Claude Code subagent's own field: accepted, so that one file serves both, and not used"

AGENT = Section(
    "agent",
    (
        Key("bottle", "name", "the bottle that it works in", REQUIRED),
        Key("skills", "list of names", "directories below `~/.claude/skills` that it is given", "none"),
        Key("git", "mapping", "who commits; a claim, not vouched for", "the bottle's", AGENT_GIT),
        *(Key(name, "any", _SUBAGENT, "") for name in ("name", "description", "model", "color", "memory")),
    ),
)
