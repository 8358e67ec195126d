"""A rule, as every family's is written down once it was read."""

from attrs import field, frozen


@frozen
class Excuse:
    """What a rule's author calls no secret: `patterns` over the `target`, or `words` (lower case) in the secret.

    The target is the `secret`, the `match`, the `line` of it, or what stands right `before` it.
    """

    target: str = "secret"
    patterns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@frozen
class Rule:
    """One shape of secret, found by `pattern` (RE2's dialect).

    The secret is the group `group`; 0 means the first group that took part, or else the whole match. One of `keywords`
    (lower case) stands near it, where there are any. `entropy` is the least Shannon entropy, in bits a byte. A `strict`
    rule also asks that the secret looks drawn by chance (`judgement.is_random`).
    """

    name: str
    family: str
    finds: str
    pattern: str
    group: int = 0
    keywords: tuple[str, ...] = ()
    entropy: float = 0.0
    excuses: tuple[Excuse, ...] = field(default=(), repr=False)
    strict: bool = False
