"""Codex. What it does with these values was measured on the real program (tests/agents)."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from bottle.adapters.providers.events import json_lines
from bottle.domain.errors import ManifestError
from bottle.domain.headers import PLACEHOLDER
from bottle.domain.hosts import HostPattern
from bottle.domain.manifest import Auth, ManifestRoute
from bottle.domain.provider import HostLogin, Provision, Report, Wish, is_session_id
from bottle.domain.provision import CA_BUNDLE, Check, GuestFile

API: Final = "api.openai.com"
CHATGPT: Final = "chatgpt.com"

_TOOL_SECONDS: Final = 600
_SESSIONS: Final = ("sessions", "archived_sessions", "history.jsonl", "session_index.jsonl")
"""What below Codex's own directory is of a conversation. Settings and logins are not."""

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

_FOREVER: Final = 4102444800
"""The year 2100: a token that seems to end sooner makes Codex ask its own service for another one, again and again."""
_UNREAD: Final = HostLogin("", "unknown")
"""Stands for a login that could not be read: the plan can be shown, and a start is refused before it begins."""


class CodexProvider:
    """provider.Provider for the template `codex`."""

    template = "codex"
    image = "codex"
    dockerfile = None

    def provision(self, wish: Wish) -> Provision:
        _refuse_contradictions(wish)
        home = _home(wish)
        forwards = wish.settings.forward_host_credentials
        files = [GuestFile(f"{home}/config.toml", _config(wish))]
        if forwards:
            files.append(GuestFile(f"{home}/auth.json", _stand_in(wish.login or _UNREAD)))
        if wish.prompt_path is not None and not _takes_a_message(wish):
            files.append(GuestFile(f"{home}/AGENTS.md", _instruction(wish.prompt_path).encode()))
        return Provision(
            argv=_argv(wish),
            env={"CODEX_CA_CERTIFICATE": CA_BUNDLE, **({"CODEX_HOME": home} if forwards else {})},
            files=tuple(files),
            routes=_routes(wish),
            checks=(_ACCEPTED,) if forwards else (),
            transcript=tuple(f"{home}/{name}" for name in _SESSIONS) if home.startswith(f"{wish.home}/") else (),
            headless=wish.headless,
        )

    def report(self, output: bytes) -> Report:
        """The events of `exec --json`: the last thing that the agent said is the result. Codex counts no money."""
        result, session = "", ""
        for event in json_lines(output):
            item = event.get("item")
            if event.get("type") == "thread.started" and is_session_id(str(event.get("thread_id"))):
                session = str(event["thread_id"])
            elif isinstance(item, dict) and item.get("type") == "agent_message":
                result = str(item.get("text"))
            elif event.get("type") in ("turn.failed", "error"):
                result = _complaint(event)
        return Report(result or output.decode(errors="replace").strip(), session)


_ACCEPTED: Final = Check(("codex", "login", "status"), "codex does not accept the login that stands in for the host's")


def _home(wish: Wish) -> str:
    return wish.env.get("CODEX_HOME") or f"{wish.home}/.codex"


def _refuse_contradictions(wish: Wish) -> None:
    if wish.settings.forward_host_credentials and _has_key(wish):
        raise ManifestError(
            f"agent_provider.forward_host_credentials: the route to {API} has an API key, which would be used instead",
            hint="keep one of the two",
        )
    if wish.remote_control:
        raise ManifestError("agent_provider.template: codex has no remote control", hint="leave out --remote-control")


def _argv(wish: Wish) -> tuple[str, ...]:
    """Codex's own sandbox cannot start in a box, and the box is the sandbox. The prompt is the first message; where
    that is not ours to choose, the prompt stands in AGENTS.md instead."""
    argv = ["codex", "--dangerously-bypass-approvals-and-sandbox"]
    if wish.headless:
        argv += ["exec", "--json", "--skip-git-repo-check"]
    if wish.session is not None:
        argv += ["resume", wish.session or "--last"]
    argv += wish.arguments
    if wish.headless:
        argv.append("-")  # the task is on standard input
    elif wish.message and not wish.arguments:
        argv.append(wish.message)
    elif wish.prompt_path is not None and _takes_a_message(wish):
        argv.append(_instruction(wish.prompt_path))
    return tuple(argv)


def _takes_a_message(wish: Wish) -> bool:
    """Whether the first message is free for the prompt: arguments may hold one, or a subcommand of their own."""
    return not (wish.arguments or wish.headless or wish.session is not None)


def _complaint(event: Mapping[str, Any]) -> str:
    error = event.get("error")
    return str(error.get("message") if isinstance(error, dict) else event.get("message"))


def _instruction(prompt_path: str) -> str:
    return f"Read and follow the instructions in {prompt_path}."


def _has_key(wish: Wish) -> bool:
    return any(route.auth is not None and route.host.text == API for route in wish.routes)


def _routes(wish: Wish) -> tuple[ManifestRoute, ...]:
    """The model's API, never scanned. ChatGPT's serves a login, whose token goes there alone; an API key has no
    business there."""
    api = ManifestRoute(HostPattern(API), scan=False)
    if _has_key(wish):
        return (api,)
    token = Auth(wish.login.token_ref) if wish.login is not None else None
    return (api, ManifestRoute(HostPattern(CHATGPT), auth=token, scan=False))


def _config(wish: Wish) -> bytes:
    """`config.toml`: quiet, no dialog about trust, and where the way out puts a key in, no login."""
    has_key = _has_key(wish)
    top = "check_for_update_on_startup = false\n" + ('model_provider = "bottle"\n' if has_key else "")
    asking = [_server(wish.supervise_url)] if wish.supervise_url else []
    trusted = [_trusted(path) for path in dict.fromkeys((wish.home, wish.workdir))]
    return "\n".join([top, _QUIET, *([_KEYLESS] if has_key else []), *asking, *trusted]).encode()


def _trusted(path: str) -> str:
    # A JSON string is a TOML basic string: both escape quotes, backslashes and control characters alike.
    return f'[projects.{json.dumps(path, ensure_ascii=False)}]\ntrust_level = "trusted"\n'


def _stand_in(login: HostLogin) -> bytes:
    """`auth.json` as a login with ChatGPT leaves it: the account is the host's, whatever opens anything is not."""
    about = {"chatgpt_account_id": login.account, **({"chatgpt_plan_type": login.plan} if login.plan else {})}
    document = {
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": None,
        "tokens": {
            "id_token": _unsigned({"exp": _FOREVER, "https://api.openai.com/auth": about}),
            "access_token": _unsigned({"exp": _FOREVER}),
            "refresh_token": PLACEHOLDER,
            "account_id": login.account,
        },
        "last_refresh": "2026-01-01T00:00:00Z",
    }
    return json.dumps(document, indent=2).encode()


def _unsigned(claims: Mapping[str, Any]) -> str:
    """A JSON Web Token in form alone: Codex reads the claims and sends it along; the placeholder is its signature."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), PLACEHOLDER])


def _server(url: str) -> str:
    """The entry that `codex mcp add supervise --url URL` writes, and time for an operator to answer."""
    return f"[mcp_servers.supervise]\nurl = {json.dumps(url)}\ntool_timeout_sec = {_TOOL_SECONDS}\n"
