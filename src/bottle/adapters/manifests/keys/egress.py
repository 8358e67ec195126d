"""What is said about the way out: routes, and what is a secret there."""

from bottle.adapters.manifests.keys import REQUIRED, Key, Section

AUTH = Section(
    "egress.routes[].auth",
    (
        Key(
            "token_ref", "variable's name", "the host variable with the secret: its *name*, never the secret", REQUIRED
        ),
        Key("header", "header's name", "the header that carries it; none that frames the request", "`Authorization`"),
        Key(
            "scheme",
            "word",
            'the word before the secret, `Bearer`, `token`, `Basic`; `""` for none',
            "`Bearer`; none for any other header",
        ),
    ),
)

PIPELOCK = Section(
    "egress.routes[].pipelock",
    (
        Key("tls_passthrough", "`true`, `false`", "the older word for `scan`, the other way round", "`false`"),
        Key(
            "ssrf_ip_allowlist",
            "list of networks",
            "addresses that are not public and that the route may reach",
            "none",
        ),
    ),
)

ROUTE = Section(
    "egress.routes[]",
    (
        Key(
            "host",
            "host",
            "a name, an address, or `*.example.com` for one level below; never under a public suffix (`*.github.io`)",
            REQUIRED,
        ),
        Key("scheme", "word", "`https`, or `http`, which never gets a credential", "`https`"),
        Key("ports", "list of numbers", "ports that may be reached", "`[443]`; `[80]` for `http`"),
        Key("methods", "list of words", "methods that may be used, in upper case", "every method"),
        Key(
            "path_allowlist",
            "list of paths",
            "each stands for itself and all below it; in normal form, no `*`, no query, no `;`",
            "every path",
        ),
        Key("auth", "mapping", "the credential that is put in on the way out; `https` alone", "none", AUTH),
        Key("scan", "`true`, `false`", "whether content is [searched for secrets](scanning.md)", "`true`"),
        Key(
            "connect_to",
            "address",
            "`ADDRESS[:PORT]`, dialled instead of the name; a private one must lie in `ssrf_ip_allowlist`",
            "the name is resolved",
        ),
        Key("role", "word", "`claude_code_oauth`: the route is Claude's own service", "none"),
        Key("pipelock", "mapping", "what the older system called so", "none", PIPELOCK),
    ),
)

RULE = Section(
    "egress.dlp.rules[]",
    (
        Key("name", "name", "what refusals call it", REQUIRED),
        Key("pattern", "pattern", "RE2; the first group, where there is one, is the secret", REQUIRED),
        Key("finds", "text", "what it finds, for `bottle rules`", "nothing"),
        Key("keywords", "list of words", "one of them stands in the match or shortly before it", "no word is needed"),
        Key("entropy", "number", "at least so many bits a byte, 0 to 8", "`0`"),
    ),
)

SILENCE = Section(
    "egress.dlp.silence[]",
    (
        Key("rule", "name", "the rule that finds nothing there, as `bottle rules` or a refusal names it", REQUIRED),
        Key("host", "host", "where: a name, or `*.example.com`", "every host"),
        Key("path", "path", "where: this and all below it", "every path"),
    ),
)

DLP = Section(
    "egress.dlp",
    (
        Key("rules", "list of mappings", "patterns of secrets beside those that bottle brings along", "none", RULE),
        Key("silence", "list of mappings", "where a rule finds nothing", "nowhere", SILENCE),
        Key("approved", "list of fingerprints", "values that are no secrets, as refusals name them", "none"),
    ),
)

EGRESS = Section(
    "egress",
    (
        Key(
            "routes", "list of mappings", "the [routes](#egressroutes); replaced whole; `[]` for none", REQUIRED, ROUTE
        ),
        Key(
            "dlp",
            "mapping",
            "more rules for [secrets](rules.md), and exceptions; replaced whole",
            "from the parent, else none",
            DLP,
        ),
    ),
)
