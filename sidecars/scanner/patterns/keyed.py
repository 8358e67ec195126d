"""Rules of bottle's own: a value that looks drawn by chance beside a word that says secret.

The pattern lists know providers by name; these find the keys of all others. They stand for gitleaks' `generic-api-key`.
"""

from typing import Final

from sidecars.scanner.patterns.rule import Excuse, Rule

FAMILY: Final = "bottle"

_STRONG: Final = "secret|private|passwd|password|pwd|access|credential|auth"
_WEAK: Final = "key|token"
_TAIL: Final = rf"(?:[ _-]?(?:{_STRONG}|{_WEAK})|[_-]?[a-z]{{1,8}})?s?"
_JOINED: Final = r"""\\?["'`\]]{0,2}(?:[ \t]{0,3}(?:=>|:=|[:=,])[ \t]{0,3}|[ \t_-]{1,2})(?:\\?["'`]){0,2}"""
# A digit early in it, which is nearly always so where there are many, keeps names and paths out of the second pass.
_VALUE: Final = r"([A-Za-z+/][A-Za-z_.+/=~-]{0,30}[0-9][0-9A-Za-z_.+/=~-]{4,255}|[0-9][0-9A-Za-z_.+/=~-]{11,255})"

_HARMLESS: Final = (
    "action|algorithm|bucket|cache|change|check|client|column|composite|continuation|csrf|cursor|entity|etag|event|fingerprint|"
    "foreign|gpg|grant|group|hash|host|idempotency|idempotent|index|integrity|item|lock|lookup|map|next|node|object|page|"
    "pagination|paging|parent|partition|pgp|primary|pub|public|range|record|redis|registry|request|resume|row|s3|scan|sort|"
    "starting|storage|sync|trace|upload|user|verification|websocket|xsrf"
)
_DESCRIBED: Final = (
    "alias|algorithm|arn|board|bytes|class|code|count|endpoint|error|event|expiry|file|format|hash|id|ids|index|info|kind|len|"
    "length|limit|map|name|path|point|ring|sha|size|spec|store|type|uri|url|usage|version|word"
)
_ANY: Final = (
    Excuse("match", (rf"(?i)^(?:{_STRONG}|{_WEAK})s?[ _-]?[a-z]{{0,8}}(?:{_DESCRIBED})[^a-z]",)),
    Excuse(
        words=(
            *("changeme", "dummy", "example", "placeholder", "redacted", "xxxx", "your_", "your-"),
            *("b64encode", "privatekey", "publickey"),
        )
    ),
)
_BEFORE: Final = Excuse("before", (rf"(?i)(?:{_HARMLESS})[ _.-]?$",))
_ENTROPY: Final = 2.9


def _rule(name: str, words: str, finds: str, excuses: tuple[Excuse, ...]) -> Rule:
    pattern = rf"(?i)(?:{words}){_TAIL}{_JOINED}{_VALUE}"
    return Rule(name, FAMILY, finds, pattern, entropy=_ENTROPY, excuses=excuses, strict=True)


RULES: Final = (
    _rule("bottle.named-secret", _STRONG, "A random value beside a word such as secret or password", _ANY),
    _rule("bottle.named-key", _WEAK, "A random value beside the word key or token", (*_ANY, _BEFORE)),
)
