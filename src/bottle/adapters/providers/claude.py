"""Claude Code. What it does with these values was measured on the real program (tests/providers)."""

import json
import shlex
from typing import Any, Final

from bottle.adapters.providers.events import json_lines
from bottle.domain.errors import ManifestError
from bottle.domain.headers import PLACEHOLDER
from bottle.domain.hosts import HostPattern
from bottle.domain.labels import painted
from bottle.domain.manifest import Auth, ManifestRoute
from bottle.domain.provider import Provision, Report, Wish, is_session_id, plain_report
from bottle.domain.provision import GuestFile

API: Final = "api.anthropic.com"
OAUTH_ROLE: Final = "claude_code_oauth"

_QUIET: Final = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
}
"""Without these it calls on half a dozen hosts that no bottle lists, and waits for each refusal."""

# By the header that carries the credential: Claude Code asks its API differently for each kind (the OAuth beta header
# goes with a bearer token alone), so the placeholder must be of the real credential's kind.
_PLACEHOLDER_FOR: Final = {"authorization": "CLAUDE_CODE_OAUTH_TOKEN", "x-api-key": "ANTHROPIC_API_KEY"}
_SESSIONS: Final = ("projects", "file-history", "history.jsonl", "plans", "tasks", "todos")
"""What below `~/.claude` is of a conversation. Settings and hooks are not: the next bottle gets its own."""
_TOOL_SECONDS: Final = 600
_APPROVAL_LENGTH: Final = 20
"""Claude Code remembers this many last characters of an API key that its user approved."""


_NOT_STEERED: Final = (
    "remote control: Claude Code connects with a full login alone, which no bottle holds; with a long-lived token or an"
    " API key it works on unsteered"
)


class ClaudeProvider:
    """provider.Provider for the template `claude`."""

    template = "claude"
    image = "claude"
    dockerfile = None

    def provision(self, wish: Wish) -> Provision:
        variable = _placeholder_variable(wish)
        placeholder = {variable: PLACEHOLDER} if variable else {}
        return Provision(
            argv=_argv(wish),
            env={**_QUIET, **placeholder},
            hidden_env=frozenset(placeholder),
            files=(GuestFile(f"{wish.home}/.claude.json", _config(wish, variable)), *_settings(wish)),
            routes=(_route(wish),),
            transcript=tuple(f"{wish.home}/.claude/{name}" for name in _SESSIONS),
            headless=wish.headless,
            notes=(_NOT_STEERED,) if wish.remote_control else (),
        )

    def report(self, output: bytes) -> Report:
        """The events of `--output-format stream-json`: the session is told with the first, the result with the last."""
        session, result, cost = "", None, None
        for event in json_lines(output):
            told = event.get("session_id")
            session = told if isinstance(told, str) and is_session_id(told) else session
            if event.get("type") == "result":
                result = str(event.get("result", event.get("subtype")))
                cost = event.get("total_cost_usd")
        if result is None:
            return Report("" if session else plain_report(output).result, session)
        return Report(result, session, cost if isinstance(cost, float) else None)


def _argv(wish: Wish) -> tuple[str, ...]:
    # `--remote-control` takes a name where one follows: an option behind it keeps it from eating an argument.
    argv = ["claude", *(["--remote-control"] if wish.remote_control else []), "--dangerously-skip-permissions"]
    if wish.headless:
        argv += ["--print", "--output-format", "stream-json", "--verbose"]
    if wish.session is not None:
        argv += ["--resume", wish.session] if wish.session else ["--continue"]
    if wish.prompt_path is not None:
        argv += ["--append-system-prompt-file", wish.prompt_path]
    if wish.label:
        argv.append(f"--name={wish.label}")  # one word: a label may begin with a hyphen
    return (*argv, *(wish.arguments or ((wish.message,) if wish.message and not wish.headless else ())))


def _route(wish: Wish) -> ManifestRoute:
    """The model's API: always there, never scanned (conversations hold whatever the agent reads), with a credential
    only where the manifest names one."""
    token_ref = wish.settings.auth_token
    return ManifestRoute(HostPattern(API), auth=Auth(token_ref) if token_ref else None, scan=False)


def _placeholder_variable(wish: Wish) -> str | None:
    """The variable without which Claude Code would ask its user to log in; None when no credential will be put in."""
    token_ref = wish.settings.auth_token
    auth = _listed_auth(wish)
    if auth is None:
        return _PLACEHOLDER_FOR["authorization"] if token_ref else None
    if token_ref and token_ref != auth.token_ref:
        raise ManifestError(
            f"agent_provider.auth_token: names {token_ref}, but the route to {API} names {auth.token_ref}",
            hint="name the credential in one of the two places",
        )
    variable = _PLACEHOLDER_FOR.get(auth.header.lower())
    if variable is None:
        raise ManifestError(
            f"egress.routes: {API} takes no credential in the header {auth.header}",
            hint="`header: Authorization` for an OAuth token, `header: x-api-key` for an API key",
        )
    return variable


def _listed_auth(wish: Wish) -> Auth | None:
    """The credential that the bottle's own routes give Claude Code."""
    listed = (route for route in wish.routes if route.host.text == API or route.role == OAUTH_ROLE)
    return next((route.auth for route in listed if route.auth is not None), None)


def _config(wish: Wish, variable: str | None) -> bytes:
    """`~/.claude.json` with every question answered that would stop Claude Code before its first prompt."""
    config: dict[str, Any] = {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "bypassPermissionsModeAccepted": True,
        "projects": {path: {"hasTrustDialogAccepted": True} for path in dict.fromkeys((wish.home, wish.workdir))},
    }
    if variable == _PLACEHOLDER_FOR["x-api-key"]:
        config["customApiKeyResponses"] = {"approved": [PLACEHOLDER[-_APPROVAL_LENGTH:]], "rejected": []}
    if wish.supervise_url:
        config["mcpServers"] = {"supervise": _server(wish.supervise_url)}
    if wish.label:
        config["name"] = wish.label
    if wish.color:
        config["color"] = wish.color
    return json.dumps(config, indent=2, ensure_ascii=False).encode()


def _settings(wish: Wish) -> tuple[GuestFile, ...]:
    """`~/.claude/settings.json`: a status line that says which bottle this is, where somebody gave it a name."""
    if not wish.label:
        return ()
    words = shlex.join(("printf", "%s", painted(wish.label, wish.color)))
    settings = {"statusLine": {"type": "command", "command": words}}
    content = json.dumps(settings, indent=2, ensure_ascii=False).encode()
    return (GuestFile(f"{wish.home}/.claude/settings.json", content),)


def _server(url: str) -> dict[str, Any]:
    """The entry that `claude mcp add --scope user --transport http supervise URL` writes, and more: the tools are
    offered from the first request on, and one of them may wait for an operator (in milliseconds)."""
    return {"type": "http", "url": url, "alwaysLoad": True, "timeout": _TOOL_SECONDS * 1000}
