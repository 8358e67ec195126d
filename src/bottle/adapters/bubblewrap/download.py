"""Fetching one large file over HTTPS: the host's proxy and roots, retries, and a hash that must be right."""

import hashlib
import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import certifi

from bottle.adapters.bubblewrap.line import Line
from bottle.app.ports import Progress
from bottle.domain.errors import ProvisionError

_BLOCK: Final = 1 << 20
_MEBIBYTE: Final = 1 << 20
_PASSING: Final = (408, 425, 429, 500, 502, 503, 504)
_LARGEST: Final = 1 << 30


class _PassingError(Exception):
    """What may be otherwise a moment later."""


def fetch(url: str, target: Path, sha512: str, line: Line, progress: Progress) -> None:
    """Writes what the address serves to a new file.

    Raises ProvisionError when it cannot be had or its hash is another, and OSError when it cannot be written; the
    caller removes what there is of the file.
    """
    if urlsplit(url).scheme not in ("https", "http"):
        raise ProvisionError(f"{url} is no address of the web", hint="npm's `registry` setting names it")
    opener = _opener(url, line)
    for pause in (*line.pauses, None):
        try:
            found = _attempt(opener, url, target, line.timeout, progress)
            break
        except _PassingError as error:
            if pause is None:
                raise ProvisionError(f"{url} cannot be fetched: {error}", hint=_hint(url)) from error
            progress.detail(f"{error}; trying again")
            time.sleep(pause)
    if found != sha512:
        raise ProvisionError(
            f"{url} is not what bottle expects: its SHA-512 is {found[:16]}..., not {sha512[:16]}...",
            hint="nothing of it was kept; a registry mirror or a proxy may have changed it",
        )


def _attempt(opener: urllib.request.OpenerDirector, url: str, target: Path, timeout: float, progress: Progress) -> str:
    """The SHA-512 of what was written. Raises _PassingError, ProvisionError, OSError of the disk's."""
    with _opened(opener, url, timeout) as answer, target.open("wb") as file:
        return _copy(answer, file.write, progress)


def _opened(opener: urllib.request.OpenerDirector, url: str, timeout: float) -> http.client.HTTPResponse:
    """The answer, when it is a good one. Raises _PassingError, ProvisionError."""
    try:
        answer: http.client.HTTPResponse = opener.open(url, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _PASSING:
            raise _PassingError(f"the server answers {error.code}") from error
        raise ProvisionError(f"{url} cannot be fetched: the server answers {error.code}", hint=_hint(url)) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise ProvisionError(
                f"{url} cannot be fetched: its certificate is not trusted ({reason.verify_message})",
                hint="where the network inspects TLS, BOT_BOTTLE_BUILD_CA names a PEM file of its roots",
            ) from error
        raise _PassingError(str(reason) or type(reason).__name__) from error
    return answer


def _copy(answer: http.client.HTTPResponse, write: Callable[[bytes], object], progress: Progress) -> str:
    digest, length, told = hashlib.sha512(), 0, 0
    total = int(answer.headers.get("content-length") or 0)
    while block := _read(answer):
        digest.update(block)
        write(block)
        length += len(block)
        if length > _LARGEST:
            raise ProvisionError(f"{answer.geturl()} does not end", hint="something is wrong with that server")
        if length - told >= 32 * _MEBIBYTE:
            told = length
            progress.detail(f"{length // _MEBIBYTE} of {total // _MEBIBYTE or '?'} MiB")
    if length < total:
        raise _PassingError(f"the connection ended after {length} of {total} bytes")
    return digest.hexdigest()


def _read(answer: http.client.HTTPResponse) -> bytes:
    """A failure of the network's, told apart from one of the disk's."""
    try:
        return answer.read(_BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise _PassingError(str(error) or type(error).__name__) from error


def _opener(url: str, line: Line) -> urllib.request.OpenerDirector:
    """Speaks HTTP and HTTPS alone, whatever a redirection says."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    roots = line.roots()
    if roots:
        context.load_verify_locations(cadata=roots.decode())
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(_proxies(url, line.environ)),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _proxies(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The proxies of the host, by scheme; none for an address that NO_PROXY excepts."""

    def value(*names: str) -> str:
        return next((found for name in names if (found := environ.get(name) or environ.get(name.upper()))), "")

    excepted = value("no_proxy")
    host = urlsplit(url).netloc
    if excepted and urllib.request.proxy_bypass_environment(host, {"no": excepted}):  # type: ignore[attr-defined]
        return {}
    named = {scheme: value(f"{scheme}_proxy", "all_proxy") for scheme in ("http", "https")}
    return {scheme: proxy for scheme, proxy in named.items() if proxy.startswith(("http://", "https://"))}


def _hint(url: str) -> str:
    host = urlsplit(url).hostname
    return (
        f"this host must reach {host} once (HTTPS_PROXY and npm's `registry` setting are honoured); or install the "
        "program on this host by hand, so that it is found on the PATH"
    )
