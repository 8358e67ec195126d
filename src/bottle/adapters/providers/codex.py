"""Codex. What it does with these values was measured on the real program (tests/providers)."""

import json
from typing import Final

from bottle.domain.errors import ManifestError
from bottle.domain.hosts import HostPattern
from bottle.domain.manifest import ManifestRoute
from bottle.domain.provider import Provision, Wish
from bottle.domain.provision import CA_BUNDLE, GuestFile

API: Final = "api.openai.com"
CHATGPT: Final = "chatgpt.com"

_QUIET: Final = """\
[analytics]
enabled = false

[features]
apps = false
daemon_auto_start = false
enable_request_compression = false
plugins = false
remote_plugin = false
tool_suggest = false

[otel]
exporter = "none"
metrics_exporter = "none"
trace_exporter = "none"

[tui]
show_tooltips = false
"""
"""`enable_request_compression` hides bodies; `daemon_auto_start` copies 355 MB of Codex into the home."""

_KEYLESS: Final = f"""\
[model_providers.bottle]
name = "OpenAI"
base_url = "https://{API}/v1"
wire_api = "responses"
"""
"""The API as a provider that wants no key: Codex then neither asks for a login nor needs a placeholder."""


class CodexProvider:
    """provider.Provider for the template `codex`."""

    template = "codex"
    image = "codex"

    def provision(self, wish: Wish) -> Provision:
        _refuse_what_is_not_served(wish)
        files = [GuestFile(f"{wish.home}/.codex/config.toml", _config(wish))]
        if wish.prompt_path is not None and wish.arguments:
            files.append(GuestFile(f"{wish.home}/.codex/AGENTS.md", _instruction(wish.prompt_path).encode()))
        return Provision(
            argv=_argv(wish), env={"CODEX_CA_CERTIFICATE": CA_BUNDLE}, files=tuple(files), routes=_routes(wish)
        )


def _refuse_what_is_not_served(wish: Wish) -> None:
    if wish.settings.forward_host_credentials:
        raise ManifestError(
            "agent_provider.forward_host_credentials: forwarding a Codex login is not served by this version",
            hint=f"give the route to {API} an API key: `auth: {{token_ref: OPENAI_API_KEY}}`",
        )
    if wish.remote_control:
        raise ManifestError("agent_provider.template: codex has no remote control", hint="leave out --remote-control")


def _argv(wish: Wish) -> tuple[str, ...]:
    """Codex's own sandbox cannot start in a box, and the box is the sandbox. The prompt is the first message; arguments
    may hold a message or a subcommand of their own, and then the prompt stands in AGENTS.md instead."""
    argv = ("codex", "--dangerously-bypass-approvals-and-sandbox", *wish.arguments)
    if wish.prompt_path is None or wish.arguments:
        return argv
    return (*argv, _instruction(wish.prompt_path))


def _instruction(prompt_path: str) -> str:
    return f"Read and follow the instructions in {prompt_path}."


def _has_key(wish: Wish) -> bool:
    return any(route.auth is not None and route.host.text == API for route in wish.routes)


def _routes(wish: Wish) -> tuple[ManifestRoute, ...]:
    """The model's API, never scanned. ChatGPT's serves a login; an API key has no business there."""
    hosts = (API,) if _has_key(wish) else (API, CHATGPT)
    return tuple(ManifestRoute(HostPattern(host), scan=False) for host in hosts)


def _config(wish: Wish) -> bytes:
    """`config.toml`: quiet, no dialog about trust, and where the way out puts a key in, no login."""
    has_key = _has_key(wish)
    top = "check_for_update_on_startup = false\n" + ('model_provider = "bottle"\n' if has_key else "")
    trusted = [_trusted(path) for path in dict.fromkeys((wish.home, wish.workdir))]
    return "\n".join([top, _QUIET, *([_KEYLESS] if has_key else []), *trusted]).encode()


def _trusted(path: str) -> str:
    # A JSON string is a TOML basic string: both escape quotes, backslashes and control characters alike.
    return f'[projects.{json.dumps(path, ensure_ascii=False)}]\ntrust_level = "trusted"\n'
