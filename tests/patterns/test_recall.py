"""What the rules of all families find together, and what they leave alone, on text that was made up here."""

import random

import pytest

from sidecars.scanner.patterns.engine import Patterns
from tests.patterns.tokens import SPEAKING, Token, carriers, drawn, tokens

SEEDS = (11, 12, 13)


def test_a_token_under_its_name_is_found(patterns: Patterns) -> None:
    """Among a hundred providers' tokens at most two escape: shapes change faster than rules do."""
    for seed in SEEDS:
        missed = [token.name for token in tokens(seed) if not all(patterns.find(text) for text in carriers(token))]
        assert len(missed) <= 2, missed


def test_a_token_that_names_its_provider_is_found_without_a_name(patterns: Patterns) -> None:
    """Nine of ten: a few providers' tokens look like any other number."""
    chance = random.Random(21)
    missed = [name for name, shape in SPEAKING.items() if not patterns.find(_sentence(drawn(shape, chance)))]
    assert len(missed) <= len(SPEAKING) // 10, missed


def test_a_match_is_the_secret_alone(patterns: Patterns) -> None:
    """What is remembered of a finding must not depend on what stood around it."""
    value = drawn("ghp_{b62:36}", random.Random(3))
    for text in carriers(Token("GITHUB_TOKEN", value)):
        assert value.encode() in {text[match.start : match.end] for match in patterns.find(text)}


def test_a_private_key_is_found_in_its_armour(patterns: Patterns) -> None:
    chance = random.Random(5)
    lines = "\n".join(drawn("{b64:64}", chance) for _ in range(24))
    kind = "OPENSSH PRIVATE KEY"
    text = f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n".encode()
    assert {"private-key"} <= {match.rule for match in patterns.find(text)}


def test_every_piece_that_overlaps_enough_shows_the_token(patterns: Patterns) -> None:
    """However content is cut, one of two pieces that share the window holds the secret."""
    value = drawn("glpat-{url:20}", random.Random(7)).encode()
    text = b"word " * 2000 + b"token=" + value + b"\n" + b"word " * 2000
    at = text.index(value)
    for cut in range(at - 8, at + len(value) + 8, 3):
        pieces = (text[: cut + patterns.window // 2], text[cut - patterns.window // 2 :])
        assert any(value in piece[match.start : match.end] for piece in pieces for match in patterns.find(piece))


HARMLESS = [
    'const key = "user.profile.settings.title"',
    "token = base64ToUtf8String(input)",
    "private_key: x25519.X25519PrivateKey",
    "#define PKCS12_MAKE_KEYBAG PKCS12_SAFEBAG_create0_p8inf",
    '"prompt_cache_key": "%s"',
    '"NextToken": "%s"',
    '"KeyId": "%s"',
    "access_key_id: arn:aws:kms:us-east-2:111122223333",
    "max_tokens: 4096, token_count: 1234567890123456",
    "token=2024-01-31T10-22-33",
    "password: your_password_2024_here_12345",
    "Basic Multilingual Plane, Basic Authentication",
    "secret: ${{ secrets.DEPLOY_TOKEN_2 }}",
    "git commit 0123 access ./node_modules/es2015/key-of-x86_64.js",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_developers_write_all_day_passes(patterns: Patterns, text: str) -> None:
    """A single false block stops an agent that nobody watches."""
    value = drawn("{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}", random.Random(9))
    assert patterns.find(text.replace("%s", value).encode()) == []


def test_a_hash_is_no_secret(patterns: Patterns) -> None:
    """Lock files and git speak in hashes."""
    chance = random.Random(4)
    texts = [
        f"commit {drawn('{hex:40}', chance)}\n",
        f'"integrity": "sha512-{drawn("{b64:86}", chance)}=="',
        f"    --hash=sha256:{drawn('{hex:64}', chance)}",
        f'"etag": "{drawn("{hex:32}", chance)}"',
        f"image: debian@sha256:{drawn('{hex:64}', chance)}",
    ]
    assert [patterns.find(text.encode()) for text in texts] == [[]] * len(texts)


def _sentence(value: str) -> bytes:
    return f"it is {value} as you see".encode()
