"""What is asked of the scanner about one body, outside of any bottle."""

from attrs import field, frozen

from bottle.domain.egress_config import EgressReload, parse_reload, reload_document
from bottle.domain.strict_json import ConfigError, JsonObject, read_object, read_text
from bottle.domain.targets import InvalidTargetError, Target, parse_target


@frozen
class Inquiry:
    """A body's surroundings: where it would go, under which Content-Encoding, and what would be looked for.

    `patterns` is the directory of the compiled rules; `agent` keys the fingerprints.
    """

    agent: str
    host: str
    target: Target
    coding: str
    patterns: str
    reload: EgressReload = field(repr=False)


def inquiry_document(inquiry: Inquiry) -> JsonObject:
    """The question as JSON-able data. It holds the secret values: it goes down a pipe and nowhere else."""
    return {
        "agent": inquiry.agent,
        "host": inquiry.host,
        "target": str(inquiry.target),
        "coding": inquiry.coding,
        "patterns": inquiry.patterns,
        "reload": reload_document(inquiry.reload),
    }


def parse_inquiry(data: object) -> Inquiry:
    """The question that `inquiry_document` wrote; raises ConfigError."""
    fields = read_object(data, "the question", ("agent", "host", "target", "coding", "patterns", "reload"), ())
    try:
        target = parse_target(read_text(fields["target"], "target"))
    except InvalidTargetError as error:
        raise ConfigError(f"target: {error}") from None
    return Inquiry(
        agent=read_text(fields["agent"], "agent"),
        host=read_text(fields["host"], "host"),
        target=target,
        coding=read_text(fields["coding"], "coding", empty=True),
        patterns=read_text(fields["patterns"], "patterns", empty=True),
        reload=parse_reload(fields["reload"]),
    )
