"""The request headers by which clients say who they are.

The agent's own are removed on every route: what it could send is either a placeholder or an attacker's credential,
with which an allowed host becomes a drop box. Cookies stay: they come from the very host that they go back to,
sign-in flows and downloads break without them, and no service needs one where a header is put in. A route that
injects `Cookie` removes the agent's all the same.
"""

PLACEHOLDER = "egress-placeholder"
"""Stands in the box where a client insists on a credential; the way out replaces the header that it makes of it."""

CREDENTIAL_HEADERS = frozenset(
    {
        # IETF, and proxies that hand an identity on
        "authorization",  # RFC 9110 11.6.2
        "proxy-authorization",  # RFC 9110 11.7.2
        "x-authorization",
        "x-forwarded-authorization",
        "x-original-authorization",
        "x-serverless-authorization",  # Google Cloud Run
        "x-forwarded-access-token",  # oauth2-proxy
        # names that many services share
        "access-token",
        "api-key",
        "api-token",
        "apikey",
        "auth-token",
        "x-access-token",
        "x-api-key",
        "x-api-secret",
        "x-api-token",
        "x-apikey",
        "x-auth",
        "x-auth-token",
        "x-client-secret",
        "x-session-token",
        "x-token",
        # models and search
        "ocp-apim-subscription-key",  # Azure
        "x-goog-api-key",  # Google
        "xi-api-key",  # ElevenLabs
        "x-subscription-token",  # Brave Search
        # clouds
        "x-amz-security-token",  # AWS, temporary credentials
        "x-amz-access-token",  # Amazon Selling Partner
        "x-aws-ec2-metadata-token",  # AWS instance metadata
        "x-goog-iam-authorization-token",  # Google
        "x-goog-firebase-installations-auth",  # Firebase
        "x-firebase-appcheck",  # Firebase
        "x-functions-key",  # Azure Functions
        "x-ms-authorization-auxiliary",  # Azure Resource Manager
        "x-auth-user",  # OpenStack Swift
        "x-auth-key",  # Cloudflare, OpenStack Swift
        "x-storage-token",  # OpenStack Swift
        "x-auth-email",  # Cloudflare
        "cf-access-client-id",  # Cloudflare Access
        "cf-access-client-secret",  # Cloudflare Access
        "cf-access-token",  # Cloudflare Access
        "fastly-key",  # Fastly
        "accesskey",  # Bunny, Bird
        "auth-api-token",  # Hetzner DNS
        "x-ibm-client-id",  # IBM API Connect
        "x-ibm-client-secret",  # IBM API Connect
        "x-ovh-consumer",  # OVH
        "x-ovh-signature",  # OVH
        # forges, builds and packages
        "private-token",  # GitLab
        "job-token",  # GitLab
        "deploy-token",  # GitLab
        "x-gitlab-token",  # GitLab
        "x-github-token",  # GitHub Models and Copilot
        "x-github-otp",  # GitHub
        "circle-token",  # CircleCI
        "npm-otp",  # npm
        "x-nuget-apikey",  # NuGet
        "x-jfrog-art-api",  # Artifactory
        "x-registry-auth",  # Docker Engine
        "x-registry-config",  # Docker Engine
        "x-octopus-apikey",  # Octopus Deploy
        "x-redmine-api-key",  # Redmine
        # infrastructure
        "x-vault-token",  # HashiCorp Vault
        "x-consul-token",  # HashiCorp Consul
        "x-nomad-token",  # HashiCorp Nomad
        "kong-admin-token",  # Kong
        "x-hasura-admin-secret",  # Hasura
        "x-dgraph-auth",  # Dgraph
        "x-dgraph-accesstoken",  # Dgraph
        "x-databricks-azure-sp-management-token",  # Databricks
        "x-cisco-meraki-api-key",  # Meraki
        # observability
        "dd-api-key",  # Datadog
        "dd-application-key",  # Datadog
        "x-insert-key",  # New Relic
        "x-license-key",  # New Relic
        "x-query-key",  # New Relic
        "x-honeycomb-team",  # Honeycomb
        "x-sentry-auth",  # Sentry
        "x-rollbar-access-token",  # Rollbar
        # applications
        "x-algolia-api-key",  # Algolia
        "x-typesense-api-key",  # Typesense
        "x-meili-api-key",  # Meilisearch
        "x-shopify-access-token",  # Shopify
        "x-shopify-storefront-access-token",  # Shopify
        "x-figma-token",  # Figma
        "x-postmark-server-token",  # Postmark
        "x-postmark-account-token",  # Postmark
        "x-rapidapi-key",  # RapidAPI
        "x-parse-rest-api-key",  # Parse
        "x-parse-master-key",  # Parse
        "x-parse-javascript-key",  # Parse
        "x-parse-session-token",  # Parse
        "x-appwrite-key",  # Appwrite
        "x-appwrite-jwt",  # Appwrite
        "x-plex-token",  # Plex
    }
)
"""The known ones, in lower case and with hyphens. `is_credential_header` is the question to ask."""

_CREDENTIAL_ENDINGS = ("-api-key", "-apikey", "-access-token", "-auth-token", "-client-secret")

MARKS = "!#$%&'*+.^_`|~"
"""What a header's name may hold beside letters, digits and the hyphen (RFC 9110 5.6.2)."""
_MARKS = str.maketrans(MARKS, "-" * len(MARKS))

_CREDENTIAL_PROTOCOLS = (
    "openai-insecure-api-key.",  # OpenAI, realtime
    "base64url.bearer.authorization.k8s.io.",  # Kubernetes
    "header-",  # AWS AppSync
)


def is_credential_header(name: str) -> bool:
    """Whether a client says with this header who it is."""
    normal = folded(name)
    return normal in CREDENTIAL_HEADERS or normal.endswith(_CREDENTIAL_ENDINGS)


def is_credential_protocol(name: str) -> bool:
    """Whether a WebSocket subprotocol's name holds a credential: a browser's client can set no header."""
    return name.lower().startswith(_CREDENTIAL_PROTOCOLS)


def folded(name: str) -> str:
    """The name as an application may see it: CGI, WSGI and PHP tell neither case nor `_` from `-` (RFC 3875 4.1.18),
    and some servers none of the marks that a name may hold."""
    return name.lower().translate(_MARKS)
