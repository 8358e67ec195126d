"""Codex's login on the host: what is taken from it, and which ones are refused with their remedy."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bottle.adapters.credentials import HostCredentials
from bottle.adapters.providers.codex_login import CODEX_LOGIN, LEAST, CodexLogin
from bottle.domain.errors import SecretMissingError

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ABOUT = {"https://api.openai.com/auth": {"chatgpt_account_id": "acct-9", "chatgpt_plan_type": "plus"}}


def token(claims: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2lnbmF0dXJl"


def access(lasts: timedelta) -> str:
    return token({"exp": int((NOW + lasts).timestamp())})


GOOD = access(timedelta(days=3))


def login(tmp_path: Path, content: Any) -> CodexLogin:
    path = tmp_path / "auth.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return CodexLogin(path, lambda: NOW)


def document(**tokens: Any) -> dict[str, Any]:
    usual = {"id_token": token(ABOUT), "access_token": GOOD, "refresh_token": "r", "account_id": "acct-1"}
    return {"auth_mode": "chatgpt", "tokens": usual | tokens}


def test_who_it_is_and_until_when_but_no_token(tmp_path: Path) -> None:
    found = login(tmp_path, document()).look()
    assert (found.token_ref, found.account, found.plan) == (CODEX_LOGIN, "acct-1", "plus")
    assert found.expires_at == "2026-05-04T12:00:00+00:00"
    assert GOOD not in repr(found)


def test_the_account_may_stand_in_the_identity_alone(tmp_path: Path) -> None:
    assert login(tmp_path, document(account_id=None)).look().account == "acct-9"


def test_the_token_is_a_credential_under_a_name_that_no_manifest_can_write(tmp_path: Path) -> None:
    found = login(tmp_path, document())
    credentials = HostCredentials({}, {CODEX_LOGIN: found.token})
    assert credentials.available([CODEX_LOGIN, "OTHER"]) == {CODEX_LOGIN}
    assert credentials.value(CODEX_LOGIN) == GOOD
    assert not CODEX_LOGIN.isidentifier()


def test_it_is_read_anew_each_time(tmp_path: Path) -> None:
    found = login(tmp_path, document())
    later = access(timedelta(days=9))
    login(tmp_path, document(access_token=later))
    assert found.token() == later


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no login with ChatGPT"),
        ("[" * 100_000, "is no login with ChatGPT"),
        ("[]", "is no login with ChatGPT"),
        ({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-made-up", "tokens": None}, "is no login with ChatGPT"),
        (document(access_token=None), "holds no access token"),
        (document(access_token=7), "holds no access token"),
        (document(account_id=None, id_token="x.y.z"), "holds no access token with its account"),
        (document(access_token="opaque"), "does not say when it ends"),
        (document(access_token=token({"exp": "soon"})), "does not say when it ends"),
        (document(access_token=token({"exp": 1e300})), "does not say when it ends"),
        (document(access_token=access(timedelta(days=-1))), "ends at 2026-04-30 12:00 UTC"),
        (document(access_token=access(LEAST - timedelta(seconds=1))), "ends at 2026-05-01 12:09 UTC"),
    ],
)
def test_what_is_refused_names_the_file_and_the_remedy_and_no_secret(
    tmp_path: Path, content: Any, message: str
) -> None:
    found = login(tmp_path, content)
    for ask in (found.look, found.token):
        with pytest.raises(SecretMissingError, match=message) as caught:
            ask()
        assert str(found.path) in str(caught.value)
        assert "codex" in str(caught.value.hint)
        assert "sk-made-up" not in f"{caught.value}{caught.value.hint}"
    assert HostCredentials({}, {CODEX_LOGIN: found.token}).available([CODEX_LOGIN]) == frozenset()


def test_without_a_login_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretMissingError, match="nobody is logged in to Codex here") as caught:
        CodexLogin(tmp_path / "auth.json", lambda: NOW).look()
    assert "codex login --device-auth" in str(caught.value.hint)
