"""The part of YAML that manifests are written in (MAN-18, MAN-19)."""

import time

import pytest

from bottle.adapters.manifests.frontmatter import MAX_FRONTMATTER, parse
from bottle.adapters.manifests.nodes import Items, Node, Scalar, Table
from bottle.domain.errors import ManifestError


def read(head: str) -> Table:
    return parse(f"---\n{head}\n---\nbody", "bottles/x.md").root


def plain(node: Node) -> object:
    """A node as plain values."""
    if isinstance(node, Table):
        return {name: plain(entry.value) for name, entry in node.entries.items()}
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    assert isinstance(node, Scalar)
    return node.value


def refused(head: str) -> tuple[str, str]:
    with pytest.raises(ManifestError) as caught:
        read(head)
    return str(caught.value), caught.value.hint or ""


@pytest.mark.parametrize(
    ("head", "value"),
    [
        ("a: word", {"a": "word"}),
        ("a: two words # and a comment", {"a": "two words"}),
        ('a: "quoted: # \\n"', {"a": "quoted: # \n"}),
        ("a: 'it''s'", {"a": "it's"}),
        ("a: 'yes'", {"a": "yes"}),
        ("a: 0\nb: -7\nc: 8080", {"a": 0, "b": -7, "c": 8080}),
        ("a: 1.5", {"a": 1.5}),
        ("a: true\nb: false\nc: null\nd:", {"a": True, "b": False, "c": None, "d": None}),
        ("a: []\nb: {}", {"a": [], "b": {}}),
        ("a: [1, two, 'three']", {"a": [1, "two", "three"]}),
        ("a: [100.78.141.42/32]", {"a": ["100.78.141.42/32"]}),
        ("a: {b: {c: d}}", {"a": {"b": {"c": "d"}}}),
        ("a:\n  - b: c\n    d:\n      e: f\n  - b: g", {"a": [{"b": "c", "d": {"e": "f"}}, {"b": "g"}]}),
        ("a:\n- b\n- c", {"a": ["b", "c"]}),
        ("git.example.org:\n  x: z", {"git.example.org": {"x": "z"}}),
        ("A: ?prompt", {"A": "?prompt"}),
        ("A: ${HOST_VAR}", {"A": "${HOST_VAR}"}),
        ("A: ${HOST_VAR}/path", {"A": "${HOST_VAR}/path"}),
        ("a: 1.2.3\nb: 10.0.0.7:8443\nc: ::1\nd: node:20\ne: v1", None),
        ("a: grüße 漢字 🎉", {"a": "grüße 漢字 🎉"}),
        ("", {}),
        ("# nothing but a comment", {}),
    ],
)
def test_man_18_19_the_subset_takes(head: str, value: object) -> None:
    read_back = plain(read(head))
    if value is not None:
        assert read_back == value
    else:
        assert isinstance(read_back, dict)
        assert all(isinstance(item, str) for item in read_back.values())


@pytest.mark.parametrize(
    ("head", "place", "says", "hint"),
    [
        ("a: &x b", "2:4", "a: an anchor", "write the value"),
        ("a: *x", "2:4", "a: an alias", "write the value"),
        ("a: !!str b", "2:4", "a: a tag", "leave the tag out"),
        ("!x {a: b}", "2:1", "a tag", "leave the tag out"),
        ("a: |\n  b", "2:4", "a: a block scalar", "one line"),
        ("a: >-\n  b", "2:4", "a: a block scalar", "one line"),
        ("a: b\n  c", "2:4", "a: a value over several lines", "one line"),
        ("a: 'b\n  c'", "2:4", "a: a value over several lines", "one line"),
        ("<<: {a: b}", "2:1", "<<: `<<` is a sign", '"<<"'),
        ("a: b\n...\n", "4:1", "a further document", "one plain document"),
        ("%TAG ! x:\n", "3:1", "not the YAML of a manifest", ""),
        ("a: 1\nb: 2\na: 3", "4:1", "a: the key stands here for the second time, first in line 2", "keep one"),
        ("a: {b: 1, b: 2}", "2:11", "a.b: the key stands here for the second time", "keep one"),
        ("a:\tb", "2:3", "a tab", "spaces"),
        ("a: b\n\tc: d", "3:1", "a tab", "spaces"),
        ("a: \x1b[2J", "2:4", "U+001B", "take it out"),
        ("a: b\u202e", "2:5", "U+202E", "take it out"),
        ("a: b\rc", "2:5", "U+000D", "take it out"),
        ("a: b\u2028c", "2:5", "U+2028", "take it out"),
        ("? [a]\n: b", "2:3", "a list or mapping as a key", "one word"),
        ("true: b", "2:1", "true: a key is a text; found `true`", "double quotes"),
        ("8080: b", "2:1", "8080: a key is a text; found the number 8080", "double quotes"),
        ("- a", "2:1", "found a list, wanted a mapping", "key: value"),
        ("word", "2:1", "found a text, wanted a mapping", "key: value"),
        ("a: b: c", "2:5", "mapping values are not allowed here", "double quotes"),
        ("a: @b", "2:4", "cannot start any token", "double quotes"),
        ("a: {b: ?prompt}", "2:8", "not the YAML of a manifest", "double quotes"),
        ('a: "\\ud800"', "2:4", "a: half of a surrogate pair", "character itself"),
        ("a:\n  b: []\n  - c\n", "4:3", "not the YAML of a manifest", "nothing behind it"),
        ('a: "\\UFFFFFFFF"', "2:", "not the YAML of a manifest", ""),
        ("a: " + "[" * 20 + "]" * 20, "2:14", "nesting deeper than 10 levels", "no key"),
    ],
)
def test_man_18_the_subset_refuses_with_place_and_remedy(head: str, place: str, says: str, hint: str) -> None:
    message, remedy = refused(head)
    assert message.startswith(f"bottles/x.md:{place}")
    assert says in message
    assert hint in remedy


@pytest.mark.parametrize("word", ["yes", "Yes", "YES", "on", "On", "y", "Y", "True", "TRUE"])
def test_man_18_a_word_for_true_is_refused_with_both_readings(word: str) -> None:
    message, hint = refused(f"a: {word}")
    assert message.startswith(f"bottles/x.md:2:4: a: `{word}` is a truth value")
    assert hint == f'write `true`, or `"{word}"` for the text'


@pytest.mark.parametrize("word", ["no", "NO", "off", "Off", "n", "N", "False", "FALSE"])
def test_man_18_a_word_for_false_is_refused_with_both_readings(word: str) -> None:
    assert refused(f"a: {word}")[1] == f'write `false`, or `"{word}"` for the text'


@pytest.mark.parametrize("word", ["~", "Null", "NULL"])
def test_man_18_other_spellings_of_null_are_refused(word: str) -> None:
    assert refused(f"a: {word}")[1].startswith("write `null`")


@pytest.mark.parametrize(
    "word",
    [
        "2026-05-24",
        "2026-05-24T10:00:00Z",
        "2026-05-24 10:00:00",
        "12:30",
        "12:30:45",
        "190:20:30.15",
        "0x1F",
        "0o17",
        "0b101",
        "017",
        "00",
        "-0",
        "+1",
        "1_000",
        "1e3",
        "1.5e3",
        "1.",
        ".5",
        ".inf",
        "-.INF",
        ".NaN",
        "=",
        "12345678901234567890",
    ],
)
def test_man_18_doubtful_words_are_refused_and_taken_in_quotes(word: str) -> None:
    message, hint = refused(f"a: {word}")
    assert message.startswith("bottles/x.md:2:4: a: ")
    assert hint.startswith('write `"')
    assert plain(read(f'a: "{word}"')) == {"a": word}


@pytest.mark.parametrize("word", ["yes", "N", "0x10", "~", "2026-05-24"])
def test_man_18_a_doubtful_word_is_no_key_either(word: str) -> None:
    assert refused(f"{word}: a")[0].startswith("bottles/x.md:2:1: ")
    assert plain(read(f'"{word}": a')) == {word: "a"}


def test_keys_in_messages_cannot_drive_a_terminal() -> None:
    message, _ = refused('"\\e[2J": 1\n"\\e[2J": 2')
    assert message.isprintable()
    assert "\\x1b" in message


def test_places_and_key_paths_reach_into_lists_and_mappings() -> None:
    message, _ = refused("egress:\n  routes:\n    - host: x\n    - host: NO")
    assert message.startswith("bottles/x.md:5:13: egress.routes[1].host: `NO`")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "x.md:1:1: no frontmatter stands at the top"),
        ("Just text", "x.md:1:1: no frontmatter stands at the top"),
        (" ---\na: b\n---\n", "x.md:1:1: no frontmatter stands at the top"),
        ("---\na: b\n", "x.md:1:1: the frontmatter that opens here is never closed"),
        ("---", "x.md:1:1: the frontmatter that opens here is never closed"),
        ("---\n" + "# " * MAX_FRONTMATTER + "\n---\n", "x.md:1:1: the frontmatter is longer than"),
    ],
)
def test_a_file_without_a_whole_frontmatter_is_refused(text: str, says: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse(text, "x.md")
    assert str(caught.value).startswith(says)


def test_a_byte_order_mark_and_dos_line_ends_change_nothing() -> None:
    document = parse("\ufeff---\r\na: b\r\n---\r\nBe brief.\r\n", "x.md")
    assert plain(document.root) == {"a": "b"}
    assert document.body == "Be brief.\n"


def test_the_body_is_free_text() -> None:
    body = "# Title\n\n---\n\ta: &x yes\n"
    assert parse(f"---\na: b\n---\n{body}", "x.md").body == body


@pytest.mark.parametrize(
    "unit", ["[", "{", "- ", "? ", "a: [", "{a: ", "'", '"', "a:\n", "&a ", "!!a ", "*a,", "x,", "\\"]
)
def test_hostile_repetition_ends_soon(unit: str) -> None:
    """In seconds of this process, whatever else the machine does."""
    started = time.process_time()
    with pytest.raises(ManifestError):
        read(unit * (MAX_FRONTMATTER // len(unit)))
    with pytest.raises(ManifestError):
        read(unit * (1024 * 1024 // len(unit)))
    assert time.process_time() - started < 10
