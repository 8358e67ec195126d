"""Request targets: sent as written, judged by all that they may be taken for."""

import itertools
import posixpath
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bottle.domain.targets import ASTERISK, InvalidTargetError, Target, parse_target, path_allows, query_pairs

# fmt: off
PIECES = st.sampled_from([
    "/", "//", ".", "..", "a", "b", "/a/b/", ";", ";x=", "%2e", "%2E", "%2f",
    "%2F", "%5c", "%252e", "%252f", "%255c", "%25", "%3b", "%3f", "%20", "%41", "~", "@",
    "%c0%ae", "%e2%80%a5", "%ef%bc%8f", "%ef%bc%8e", "%ef%bc%85", "%C3%A9", "%E9", "%00", "%0a", "?", "?q=%", "&",
    "=", "+", "*", ":", "[", "|", "\\", "é",
])
# fmt: on
TARGETS = st.one_of(st.lists(PIECES, max_size=10).map("".join), st.text(max_size=30)).map("/{}".format)


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "/v1/messages",
        "/@scope%2fname",
        "/@scope%2Fname",
        "/simple/requests/",
        "/a%20b/c%2Bd",
        "/~user/%7Euser",
        "/a;v=1/b",
        "/a//b",
        "/...",
        "/.git/config",
        "/..a/a../.a.",
        "/x/@v/v0.0.0-20240101.info",
        "/caf%C3%A9/%E6%97%A5",
        "/latin1/%E9t%E9",
        "/a[0]|{b}^`<c>\"'",
        "/search?q=100%&x=%zz",
        "/a?redirect=../../b&c=\\d?e#"[:-1],
        "/a?",
        "/http://other.example/",
    ],
)
def test_a_target_is_sent_byte_for_byte(text: str) -> None:
    assert str(parse_target(text)) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "printable", id="empty"),
        pytest.param("*", "printable", id="asterisk"),
        pytest.param("a/b", "printable", id="relative"),
        pytest.param("http://a.b/", "printable", id="absolute"),
        pytest.param("/a b", "printable", id="space"),
        pytest.param("/a\tb", "printable", id="tab"),
        pytest.param("/a\r\nX: y", "printable", id="header injection"),
        pytest.param("/a\0", "printable", id="NUL"),
        pytest.param("/a\x7f", "printable", id="DEL"),
        pytest.param("/é", "printable", id="not ASCII"),
        pytest.param("/a#b", "printable", id="fragment"),
        pytest.param("/a\\..\\b", "printable", id="backslash"),
        pytest.param("/a\n", "printable", id="trailing newline"),
        pytest.param("/a?b c", "query", id="space in the query"),
        pytest.param("/a?b\r\nc", "query", id="header injection in the query"),
        pytest.param("/a?b#c", "query", id="fragment behind the query"),
        pytest.param("/a?é", "query", id="query not ASCII"),
        pytest.param("/a%", "two hexadecimal", id="escape without digits"),
        pytest.param("/a%2", "two hexadecimal", id="escape with one digit"),
        pytest.param("/%u002e%u002e/a", "two hexadecimal", id="IIS escape"),
        pytest.param("/a/..", "dot segment", id="climb"),
        pytest.param("/a/./b", "dot segment", id="stay"),
        pytest.param("/a/%2e%2e/b", "dot segment", id="encoded"),
        pytest.param("/a/%2E./b", "dot segment", id="half encoded"),
        pytest.param("/a/..%2fb", "dot segment", id="encoded slash"),
        pytest.param("/a%2f..%2fb", "dot segment", id="encoded slashes"),
        pytest.param("/a/..%ff/b", "dot segment", id="a byte that a decoder drops"),
        pytest.param("/a/.%e2%80%8b./b", "dot segment", id="an invisible character"),
        pytest.param("/a/%252e%252e/b", "dot segment", id="encoded twice"),
        pytest.param("/a/%25252e%25252e%25252fb", "dot segment", id="encoded three times"),
        pytest.param("/a/..%5cb", "dot segment", id="encoded backslash"),
        pytest.param("/a%255c..%255cb", "dot segment", id="backslash encoded twice"),
        pytest.param("/a/..;/b", "dot segment", id="servlet parameters"),
        pytest.param("/a/..;x=1;y/b", "dot segment", id="servlet parameters with values"),
        pytest.param("/a/..%3bx/b", "dot segment", id="encoded semicolon"),
        pytest.param("/a/.;.", "dot segment", id="a dot behind the semicolon"),
        pytest.param("/a/b;%2f..%2f..", "dot segment", id="a climb inside a parameter"),
        pytest.param("/a/..%20/b", "dot segment", id="a space behind the dots"),
        pytest.param("/a/..%c2%a0/b", "dot segment", id="a no-break space behind the dots"),
        pytest.param("/a/%e2%80%a5/b", "dot segment", id="two dot leader"),
        pytest.param("/a/%ef%bc%8e%ef%bc%8e/b", "dot segment", id="full-width dots"),
        pytest.param("/a/..%ef%bc%8fb", "dot segment", id="full-width slash"),
        pytest.param("/a/%ef%bc%852e%ef%bc%852e/b", "dot segment", id="full-width percent"),
        pytest.param("/a/%c0%ae%c0%ae/b", "overlong", id="overlong dots"),
        pytest.param("/a/..%c0%afb", "overlong", id="overlong slash"),
        pytest.param("/a/%e0%80%ae/b", "overlong", id="overlong dot of three bytes"),
        pytest.param("/a/%F0%80%80%AE/b", "overlong", id="overlong dot of four bytes"),
        pytest.param("/a/%25c0%25ae/b", "overlong", id="overlong, encoded twice"),
        pytest.param("//", "begins with", id="two slashes"),
        pytest.param("//other.example/v1", "begins with", id="a host behind two slashes"),
        pytest.param("/%2fother.example/v1", "begins with", id="the second slash encoded"),
        pytest.param("/%255cother.example/v1", "begins with", id="a backslash for the second, encoded twice"),
        pytest.param("/;x/other.example", "begins with", id="two slashes once parameters are dropped"),
        pytest.param("/a%00.png", "control", id="encoded NUL"),
        pytest.param("/a%2500.png", "control", id="NUL encoded twice"),
        pytest.param("/a%0d%0aX:y", "control", id="encoded CRLF"),
        pytest.param("/a/.%09./b", "control", id="a tab that URL parsers drop"),
        pytest.param(f"/%{'25' * 20}41", "more than 16 ways", id="encoded without end"),
    ],
)
def test_targets_without_a_single_meaning(text: str, why: str) -> None:
    with pytest.raises(InvalidTargetError, match=why):
        parse_target(text)


@pytest.mark.parametrize(
    ("prefix", "text", "allowed"),
    [
        pytest.param("/", "/anything/at/all", True, id="root"),
        pytest.param("/v1", "/v1", True, id="itself"),
        pytest.param("/v1", "/v1?x=1", True, id="itself with query"),
        pytest.param("/v1", "/v1/", True, id="itself with slash"),
        pytest.param("/v1", "/v1/messages", True, id="below"),
        pytest.param("/v1", "/v10", False, id="beside"),
        pytest.param("/v1", "/V1", False, id="another case"),
        pytest.param("/v1/", "/v1/messages", True, id="below a folder"),
        pytest.param("/v1/", "/v1", False, id="the folder's own name"),
        pytest.param("/v1", "/x?/v1", False, id="only in the query"),
        pytest.param("/~me", "/%7Eme/x", True, id="needless escape"),
        pytest.param("/v1", "/%76%31/x", True, id="needless escapes"),
        pytest.param("/v1", "/v1%2fmessages", False, id="not below for a server that leaves the slash encoded"),
        pytest.param("/v1", "/v1;x/messages", False, id="not below for a server that keeps parameters"),
        pytest.param("/v1", "/v1/x;y=/z", True, id="parameters further down"),
        pytest.param("/v1", "/v1%253f", False, id="encoded twice"),
        pytest.param("/a/b", "/a%2Fb", False, id="an encoded slash is not the plain one"),
        pytest.param("/@scope%2fname", "/@scope%2fname", True, id="npm's package, as npm asks"),
        pytest.param("/@scope%2fname", "/@scope%2Fname", True, id="npm's package, as yarn asks"),
        pytest.param("/@scope%2Fname", "/@scope/name/-/name-1.tgz", True, id="npm's package, its archive"),
        pytest.param("/@scope%2fname", "/@scope%2fnamesake", False, id="npm's package, another one"),
        pytest.param("", "/a", False, id="no path: empty"),
        pytest.param("v1", "/v1", False, id="no path: relative"),
        pytest.param("/a/..", "/a", False, id="no path: climbs"),
        pytest.param("/a?b", "/a", False, id="no path: query"),
        pytest.param("/a;b", "/a;b", False, id="no path: parameters"),
        pytest.param(f"/%{'25' * 20}", "/a", False, id="no path: encoded without end"),
    ],
)
def test_a_path_rule_holds_for_every_reading(prefix: str, text: str, *, allowed: bool) -> None:
    assert path_allows(prefix, parse_target(text)) is allowed


def test_the_asterisk_lies_below_no_path() -> None:
    assert str(ASTERISK) == "*"
    assert not path_allows("/", ASTERISK)


def parsed(text: str) -> Target | None:
    try:
        return parse_target(text)
    except InvalidTargetError:
        return None


@given(TARGETS)
def test_a_target_parses_to_itself_or_is_refused(text: str) -> None:
    target = parsed(text)
    if target is not None:
        assert str(target) == text
        assert parse_target(str(target)) == target


@given(TARGETS)
def test_the_normal_form_is_a_target_that_is_judged_alike(text: str) -> None:
    target = parsed(text)
    if target is not None:
        assert parse_target(target.readings[0]).readings == target.readings


SERVERS: tuple[Callable[[str], str], ...] = (
    unquote,
    lambda path: unquote(path, encoding="latin-1"),
    lambda path: path.replace("\\", "/"),
    lambda path: re.sub(r";[^/]*", "", path),
    lambda path: unicodedata.normalize("NFKC", path),
    lambda path: re.sub(r"/+", "/", path),
)


@given(st.lists(PIECES, max_size=8).map("".join).map("/a/b/{}".format))
@example("/a/b/..%3b/..%252f")
@example("/a/b%ef%bc%8f..%ef%bc%8f..")
def test_no_server_is_led_out_of_an_allowed_path(text: str) -> None:
    """Servers that are not ours read the path, each in up to three steps in any order, then resolve the dots."""
    target = parsed(text)
    if target is None or not path_allows("/a/b", target):
        return
    for steps in itertools.product(SERVERS, repeat=3):
        path = target.path
        for step in steps:
            path = step(path)
        assert f"{posixpath.normpath(path)}/".lstrip("/").startswith("a/b/"), (steps, path)


@given(TARGETS)
def test_readings_cover_what_python_would_decode(text: str) -> None:
    target = parsed(text)
    if target is not None and target.path.isascii() and unquote(target.path).isascii():
        assert unquote(target.path) in target.readings


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("", (("", ""),)),
        ("a=b&c", (("a", "b"), ("c", ""))),
        ("a=b;c=d", (("a", "b"), ("c", "d"))),
        ("a%3Db=c+d", (("a=b", "c d"),)),
        ("a=%2562", (("a", "b"),)),
        ("a=%u0062", (("a", "b"),)),
        ("a=100%&b=%zz", (("a", "100%"), ("b", "%zz"))),
    ],
)
def test_queries(query: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert query_pairs(query) == pairs


@given(st.text())
def test_any_query_has_pairs(query: str) -> None:
    assert query_pairs(query)


def test_the_first_reading_has_no_escape_of_what_needs_none() -> None:
    """RFC 3986 6.2.2.2: letters, digits and `-._~`; all else stays escaped, in upper case."""
    assert parse_target("/%41%5A%61%7A%30%39%2D%5F%7E%2f%c3%a9").readings[0] == "/AZaz09-_~%2F%C3%A9"
    assert ASTERISK.readings == ("*",)
