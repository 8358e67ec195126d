"""Deploy keys of Gitea and Forgejo, over their API (`/api/v1/repos/{owner}/{repo}/keys`)."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

import httpx

from bottle.adapters.deploy_keys.forge import Account, Standing
from bottle.domain.errors import ProvisionError

_SECONDS: Final = 20.0
_PAGE: Final = 50
_PAGES: Final = 200
_HINTS: Final = {
    401: "the token is not taken; it may have ended",
    403: "the token needs the scope write:repository, and its owner the repository's administration",
    404: "the repository is not there for this token; its owner needs the repository's administration",
    422: "the forge has such a key already, or does not take this kind",
}


class Gitea:
    """forge.Forge. Asks the forge itself: no setting of the environment counts, no redirection is followed."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._path = f"/api/v1/repos/{quote(account.repository)}/keys"

    def add(self, title: str, public: str, *, read_only: bool) -> None:
        self._ask("POST", self._path, 201, json={"title": title, "key": public, "read_only": read_only})

    def standing(self) -> Sequence[Standing]:
        found: list[Standing] = []
        for page in range(1, _PAGES + 1):
            shown = self._ask("GET", self._path, 200, params={"page": page, "limit": _PAGE})
            try:
                entries = [Standing(int(one["id"]), str(one["title"]), str(one["key"])) for one in shown]
            except (TypeError, KeyError, ValueError):
                raise ProvisionError(f"{self._account.url} does not list keys as Gitea does") from None
            found += entries
            if not entries:
                return found
        raise ProvisionError(f"{self._account.repository} has more keys than can be looked through")

    def remove(self, number: int) -> None:
        self._ask("DELETE", f"{self._path}/{number}", 204, 404)

    def _ask(self, method: str, path: str, *expected: int, **content: Any) -> Any:
        """The answer's JSON, if it has some. Raises ProvisionError for any other status."""
        with self._client() as client:
            try:
                answer = client.request(method, path, **content)
            except httpx.HTTPError as error:
                reason = f"{self._account.url} cannot be asked for keys: {type(error).__name__}"
                raise ProvisionError(reason, hint="`deploy_key.url` of the remote is the forge's web address") from None
        if answer.status_code not in expected:
            doing = {"POST": "register", "GET": "list", "DELETE": "remove"}[method]
            raise ProvisionError(
                f"{self._account.url} does not {doing} keys of {self._account.repository} ({answer.status_code})",
                hint=_HINTS.get(answer.status_code),
            )
        try:
            return answer.json() if method == "GET" else None
        except ValueError:
            raise ProvisionError(f"{self._account.url} does not answer in JSON") from None

    @contextmanager
    def _client(self) -> Iterator[httpx.Client]:
        account, proxy = self._account, self._account.proxy
        trust = ssl.create_default_context()
        if account.roots:
            trust.load_verify_locations(cadata=account.roots)
        user, _, password = proxy.credential.partition(":") if proxy else ("", "", "")
        way = httpx.Proxy(f"http://{proxy.authority}", auth=(user, password) if user else None) if proxy else None
        headers = {"Authorization": f"token {account.token}", "Accept": "application/json"}
        with httpx.Client(
            base_url=account.url, headers=headers, verify=trust, proxy=way, timeout=_SECONDS, trust_env=False
        ) as client:
            yield client
