"""Tokens of the shapes that providers document, drawn anew from a seed: none was ever given to anybody.

A shape is a text with fields `{alphabet:length}`, from what providers say of their tokens and not from the rules.
"""

import random
import re
import string

from attrs import frozen

ALPHABETS = {
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "digit": string.digits,
    "upper": string.ascii_uppercase,
    "lower": string.ascii_lowercase,
    "low": string.ascii_lowercase + string.digits,
    "UP": string.ascii_uppercase + string.digits,
    "b32": string.ascii_uppercase + "234567",
    "b62": string.ascii_letters + string.digits,
    "b64": string.ascii_letters + string.digits + "+/",
    "url": string.ascii_letters + string.digits + "-_",
    "bech": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
_FIELD = re.compile(r"\{(\w+):(\d+)\}")

SPEAKING = {
    "1password": "ops_eyJ{b62:250}",
    "age": "AGE-SECRET-KEY-1{bech:58}",
    "airtable": "pat{b62:14}.{hex:64}",
    "anthropic": "sk-ant-api03-{url:93}AA",
    "asana": "2/{digit:16}/{digit:16}:{hex:32}",
    "atlassian": "ATATT3xFfGF0{url:171}={HEX:8}",
    "aws": "AKIA{b32:16}",
    "aws-temporary": "ASIA{b32:16}",
    "buildkite": "bkua_{hex:40}",
    "clickhouse": "4b1d{b62:38}",
    "clojars": "CLOJARS_{low:60}",
    "cloudflare-origin-ca": "v1.0-{hex:24}-{hex:146}",
    "databricks": "dapi{hex:32}",
    "digitalocean": "dop_v1_{hex:64}",
    "digitalocean-oauth": "doo_v1_{hex:64}",
    "discord-webhook": "https://discord.com/api/webhooks/{digit:19}/{url:68}",
    "docker": "dckr_pat_{url:27}",
    "doppler": "dp.pt.{b62:43}",
    "dropbox": "sl.{url:135}",
    "duffel": "duffel_live_{url:43}",
    "dynatrace": "dt0c01.{b32:24}.{b32:64}",
    "easypost": "EZAK{low:54}",
    "figma": "figd_{url:40}",
    "flutterwave": "FLWSECK_TEST-{hex:32}-X",
    "fly": "fo1_{url:43}",
    "frameio": "fio-u-{url:64}",
    "gcp": "AIza{url:35}",
    "github": "ghp_{b62:36}",
    "github-app": "ghs_{b62:36}",
    "github-fine": "github_pat_{b62:22}_{b62:59}",
    "github-oauth": "gho_{b62:36}",
    "github-refresh": "ghr_{b62:36}",
    "gitlab": "glpat-{url:20}",
    "gitlab-deploy": "gldt-{url:20}",
    "gitlab-runner": "glrt-{url:20}",
    "gitlab-trigger": "glptt-{hex:40}",
    "google-oauth-secret": "GOCSPX-{url:28}",
    "grafana": "glsa_{b62:32}_{hex:8}",
    "groq": "gsk_{b62:52}",
    "hashicorp-terraform": "{b62:14}.atlasv1.{url:67}",
    "hashicorp-vault": "hvs.{url:95}",
    "heroku": "HRKU-AA{url:58}",
    "huggingface": "hf_{lower:34}",
    "jwt": "eyJ{url:33}.eyJ{url:60}.{url:43}",
    "launchdarkly": "sdk-{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}",
    "linear": "lin_api_{b62:40}",
    "mailchimp": "{hex:32}-us12",
    "mailgun": "key-{hex:32}",
    "mapbox": "sk.eyJ1{b62:60}.{url:22}",
    "newrelic": "NRAK-{UP:27}",
    "notion": "ntn_{digit:11}{b62:35}",
    "npm": "npm_{b62:36}",
    "nuget": "oy2{low:43}",
    "okta": "00{url:40}",
    "openai": "sk-proj-{url:74}T3BlbkFJ{url:74}",
    "openrouter": "sk-or-v1-{hex:64}",
    "perplexity": "pplx-{b62:48}",
    "planetscale": "pscale_tkn_{url:43}",
    "postman": "PMAK-{hex:24}-{hex:34}",
    "prefect": "pnu_{low:36}",
    "pulumi": "pul-{hex:40}",
    "pypi": "pypi-AgEIcHlwaS5vcmc{url:120}",
    "readme": "rdme_{low:70}",
    "replicate": "r8_{b62:37}",
    "rubygems": "rubygems_{hex:48}",
    "sendgrid": "SG.{url:22}.{url:43}",
    "sendinblue": "xkeysib-{hex:64}-{b62:16}",
    "sentry-user": "sntryu_{hex:64}",
    "shippo": "shippo_live_{hex:40}",
    "shopify": "shpat_{hex:32}",
    "shopify-secret": "shpss_{hex:32}",
    "slack-app": "xapp-1-A{UP:10}-{digit:13}-{hex:64}",
    "slack-bot": "xoxb-{digit:12}-{digit:13}-{b62:24}",
    "slack-user": "xoxp-{digit:12}-{digit:12}-{digit:13}-{hex:32}",
    "slack-webhook": "https://hooks.slack.com/services/T{UP:10}/B{UP:10}/{b62:24}",
    "square": "EAAA{url:60}",
    "square-secret": "sq0csp-{url:43}",
    "stripe": "sk_live_{b62:99}",
    "stripe-restricted": "rk_live_{b62:99}",
    "supabase": "sbp_{hex:40}",
    "tailscale": "tskey-auth-{b62:17}-{b62:32}",
    "telegram": "{digit:10}:AA{url:33}",
    "twilio": "SK{hex:32}",
    "typeform": "tfp_{url:44}_{b62:14}",
    "vercel": "vcp_{b62:56}",
    "xai": "xai-{b62:80}",
}
"""What a token's own text tells, by provider."""

MUTE = {
    "ALGOLIA_ADMIN_API_KEY": "{hex:32}",
    "AWS_SECRET_ACCESS_KEY": "{b64:40}",
    "CIRCLECI_TOKEN": "{hex:40}",
    "CLOUDFLARE_API_TOKEN": "{url:40}",
    "CODECOV_TOKEN": "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}",
    "COHERE_API_KEY": "{b62:40}",
    "CONTENTFUL_ACCESS_TOKEN": "{url:43}",
    "DATADOG_API_KEY": "{hex:32}",
    "DATADOG_APP_KEY": "{hex:40}",
    "DISCORD_CLIENT_SECRET": "{url:32}",
    "FASTLY_API_TOKEN": "{url:32}",
    "MISTRAL_API_KEY": "{b62:32}",
    "PAGERDUTY_TOKEN": "{b62:20}",
    "SNYK_TOKEN": "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}",
    "SONAR_TOKEN": "{hex:40}",
    "SPOTIFY_CLIENT_SECRET": "{hex:32}",
    "TRELLO_API_TOKEN": "{hex:64}",
    "TWILIO_AUTH_TOKEN": "{hex:32}",
    "VERCEL_TOKEN": "{b62:24}",
    "WAKATIME_API_KEY": "{hex:8}-{hex:4}-4{hex:3}-{hex:4}-{hex:12}",
}
"""What says nothing of itself, by the variable that would hold it."""


@frozen
class Token:
    """A token, and what it is called where it stands in a file."""

    name: str
    value: str


def tokens(seed: int) -> list[Token]:
    """One of each shape."""
    chance = random.Random(seed)
    named = [(f"{provider.upper().replace('-', '_')}_VALUE", shape) for provider, shape in SPEAKING.items()]
    return [Token(name, drawn(shape, chance)) for name, shape in (*named, *MUTE.items())]


def drawn(shape: str, chance: random.Random) -> str:
    """The shape with its fields filled."""
    return _FIELD.sub(lambda field: "".join(chance.choices(ALPHABETS[field[1]], k=int(field[2]))), shape)


def carriers(token: Token) -> list[bytes]:
    """The ways in which an agent's requests hold such a token, none of them encoded."""
    name, value = token.name, token.value
    texts = (f"{name}={value}\n", f'{{"{name.lower()}": "{value}"}}', f"{name}: {value} # new")
    return [text.encode() for text in texts]
