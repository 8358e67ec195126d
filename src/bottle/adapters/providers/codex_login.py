"""Codex's login with ChatGPT on this host: who it is, how long it lasts, and its token for the way out.

Read anew each time it is asked for, and never written: Codex itself renews it whenever it runs on the host.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from bottle.domain.errors import SecretMissingError
from bottle.domain.provider import HostLogin

CODEX_LOGIN: Final = "~/.codex/auth.json"
"""What the token is called in plans and messages. No manifest can name it: it is not the name of a variable."""
LEAST: Final = timedelta(minutes=10)
"""A token that ends sooner is of no use to an agent that is left alone."""

_CLAIMS: Final = "https://api.openai.com/auth"
_LARGEST: Final = 1024 * 1024
_LOG_IN: Final = "`codex login --device-auth` on this host, then start again"
_RENEW: Final = "run `codex` once on this host, which renews it, or `codex login --device-auth`"


@frozen
class CodexLogin:
    """ports.Login. `path` is the login's file (`$CODEX_HOME/auth.json`)."""

    path: Path
    now: Callable[[], datetime]

    def look(self) -> HostLogin:
        found = self._read()
        return HostLogin(CODEX_LOGIN, found.account, found.plan, found.expires_at.isoformat())

    def token(self) -> str:
        """The access token. Raises SecretMissingError."""
        return self._read().token

    def _read(self) -> "_Found":
        document = _object(self._content())
        tokens = document.get("tokens")
        if document.get("auth_mode", "chatgpt") != "chatgpt" or not isinstance(tokens, dict):
            raise _absent(f"{self.path} is no login with ChatGPT", _LOG_IN)
        token, claims = tokens.get("access_token"), _payload(tokens.get("id_token"))
        about = claims.get(_CLAIMS)
        about = about if isinstance(about, dict) else {}
        account = tokens.get("account_id") or about.get("chatgpt_account_id")
        if not isinstance(token, str) or not isinstance(account, str) or not account.isascii():
            raise _absent(f"{self.path} holds no access token with its account", _LOG_IN)
        expires_at = self._fresh(_payload(token).get("exp"))
        plan = about.get("chatgpt_plan_type")
        return _Found(token, account, plan if isinstance(plan, str) else "", expires_at)

    def _content(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(_LARGEST)
        except FileNotFoundError:
            raise _absent(f"nobody is logged in to Codex here: there is no {self.path}", _LOG_IN) from None
        except OSError as error:
            raise _absent(f"{self.path} cannot be read: {error.strerror}", _LOG_IN) from None

    def _fresh(self, exp: object) -> datetime:
        """The token's end, from its own claim (RFC 7519 4.1.4)."""
        try:
            expires_at = datetime.fromtimestamp(exp, UTC) if isinstance(exp, int | float) else None
        except (OverflowError, ValueError, OSError):
            expires_at = None
        if expires_at is None:
            raise _absent(f"the access token in {self.path} does not say when it ends", _LOG_IN)
        if expires_at - self.now() < LEAST:
            raise _absent(f"the access token in {self.path} ends at {expires_at:%Y-%m-%d %H:%M} UTC", _RENEW)
        return expires_at


@frozen
class _Found:
    token: str = field(repr=False)
    account: str
    plan: str
    expires_at: datetime


def _payload(token: object) -> Mapping[str, Any]:
    """The claims of a JSON Web Token, unverified: whom to believe is the service's to judge. Empty for what is none."""
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != 3:
        return {}
    try:
        return _object(base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return {}


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _absent(message: str, hint: str) -> SecretMissingError:
    return SecretMissingError(message, hint=hint)
