"""Lines of a Dockerfile that are built on top of an agent's image: what may stand in them, and what to know of them.

An agent may have written them. They can install things and set variables; they cannot choose what the image stands on,
reach the build's files or caches, or run on into lines of ours.
"""

import re
from collections.abc import Iterator, Sequence

INSTRUCTIONS = ("RUN", "ENV")

_ROOTS = "/etc/build-roots.pem"
_TRUST = (
    "ARG BUILD_CA_B64",
    # What programs ask for where their roots are: a build argument is a variable of the build alone.
    *(
        f"ARG {name}={_ROOTS}"
        for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "PIP_CERT")
    ),
    f"RUN {{ cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null; echo $BUILD_CA_B64 | base64 -d; }} > {_ROOTS}",
)
_TRUST_NO_MORE = f"RUN rm {_ROOTS}"

_CONTINUES = re.compile(r"\\[ \t]*\Z")
_HERE_DOCUMENT = re.compile(r"<<-?\s*[\"']?[A-Za-z_]")
_ADDRESS = re.compile(r"(?:https?|ftp|git|ssh)://(?:[^\s/@'\"]*@)?([^\s/:'\"]+)", re.IGNORECASE)
_FETCHES = re.compile(
    r"(?:^[A-Za-z]+|[;&|(`]|\b(?:then|do|else))\s*(?:sudo\s+)?(?:/\S*/)?(curl|wget|nc|ncat|scp|rsync|ftp)\s"
)
_INTO_A_SHELL = re.compile(r"\|\s*(?:sudo\s+)?(?:/\S*/)?(?:ba|da|z)?sh\b")


def fragment_fault(text: str) -> str | None:
    """Why these lines cannot be built on top of an image, or None."""
    if any(character.isspace() and character not in " \t\n" for character in text):
        return "spaces, tabs and line ends alone: what a builder takes for a space is not what others do"
    found = list(_instructions(text))
    if not found:
        return "at least one RUN or ENV belongs here"
    for instruction in found:
        fault = _fault(*instruction.split(maxsplit=1))
        if fault is not None:
            return fault
    if _ends_open(text):
        return "the last line ends with a backslash, and nothing follows"
    return None


def instructions(text: str) -> tuple[str, ...]:
    """What the lines say, an instruction a line."""
    return tuple(instruction.strip() for instruction in _instructions(text))


def fragment_concerns(text: str) -> tuple[str, ...]:
    """What an operator should know before saying yes; nothing for packages from where the image's own come from."""
    hosts = dict.fromkeys(host.lower() for host in _ADDRESS.findall(text))
    found = [f"it fetches from {host} while it is built, where no rule of the bottle holds" for host in hosts]
    if not hosts:  # an address need not say how it is spoken to
        programs = dict.fromkeys(name for line in instructions(text) for name in _FETCHES.findall(line))
        found = [f"it fetches with {name} while it is built, where no rule of the bottle holds" for name in programs]
    if _INTO_A_SHELL.search(text):
        found.append("it pipes something into a shell")
    return tuple(found)


def headline(text: str) -> str:
    """What the lines do, in one; how much more there is stands with it, so that the first does not hide the rest."""
    first, *more = (" ".join(instruction.split()) for instruction in _instructions(text))
    return f"{first} (and {len(more)} more)" if more else first


def recipe(base: str, additions: Sequence[str], *, has_roots: bool = False) -> str:
    """The Dockerfile that puts instructions, a line each, on top of the image `base`. They run as root.

    With `has_roots` they trust what the build argument BUILD_CA_B64 holds (PEM, base64), and the image does not.
    """
    lines = [*_TRUST, *additions, _TRUST_NO_MORE] if has_roots else additions
    return "\n".join([f"FROM {base}", "USER root", *lines, "USER node", ""])


def _fault(name: str, rest: str = "") -> str | None:
    if name.upper() not in INSTRUCTIONS:
        return f"{name[:20]!r} is not taken: RUN and ENV alone"
    if not rest:
        return f"{name.upper()} needs something to do"
    if rest.startswith("--"):
        return f"{name.upper()} takes no options such as {rest.split()[0][:20]}"
    if _HERE_DOCUMENT.search(rest):  # its end would be looked for in the lines that follow
        return f"{name.upper()} takes no here-document: write `printf '...' > FILE`"
    return None


def _instructions(text: str) -> Iterator[str]:
    """The instructions as a builder reads them: continued lines joined, comments and empty lines left out."""
    begun = ""
    for line in text.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        begun += _CONTINUES.sub("", line)
        if not _CONTINUES.search(line):
            yield begun
            begun = ""
    if begun.strip():
        yield begun


def _ends_open(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and _CONTINUES.search(lines[-1]) is not None
