"""What the stand-in of the Anthropic API remembers of a request: never a credential, only which one it was."""

import hmac
from email.message import Message
from typing import Literal

from attrs import frozen

CREDENTIAL_HEADERS = ("authorization", "x-api-key", "proxy-authorization", "cookie")

Credential = Literal["right", "missing", "placeholder", "wrong"]


@frozen
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    host: str
    sni: str
    credential: Credential
    status: int
    user_agent: str = ""


def credential_of(headers: Message, token: str, placeholder: str) -> Credential:
    """Which credential the headers carry: the right one is one Authorization header and nothing beside it."""
    carried = [(name, str(value)) for name in CREDENTIAL_HEADERS for value in headers.get_all(name, [])]
    if not carried:
        return "missing"
    if any(placeholder in value for _, value in carried):
        return "placeholder"
    name, value = carried[0]
    right = hmac.compare_digest(value.encode("latin-1", "replace"), f"Bearer {token}".encode())
    return "right" if right and name == "authorization" and len(carried) == 1 else "wrong"
