"""An answer that is kept: the operator's file says one route more, and otherwise what it said."""

from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.manifests.editing import HomeManifestFiles
from bottle.adapters.manifests.frontmatter import parse
from bottle.adapters.manifests.structure import bottle_from
from bottle.domain.egress import Grant, Route
from bottle.domain.errors import ConflictError, ManifestError
from bottle.domain.manifest import Bottle
from bottle.domain.supervise import EgressWish, route_for

PROVIDER = "agent_provider: {template: claude}\n"
WISH = EgressWish("pypi.org", "/simple", ("GET", "HEAD"))
FULL = """\
---
# my bottle
agent_provider:
  template: claude   # the one that I know
env:
  LEVEL: "007"     # quotes that matter
egress:
  routes:

    - host: api.github.com   # code
      methods: [GET]
      auth: {scheme: token, token_ref: TOKEN}
    # and one that I do not want yet
    # - host: example.org
git: {user: {name: "Sam: the one"}}
---

# Notes
egress: this is no key
"""
STYLES = {
    "everything": FULL,
    "no routes yet": f"---\n{PROVIDER}---\n",
    "an empty list": f"---\n{PROVIDER}egress: {{routes: []}}\n---\n",
    "on one line": f"---\n{PROVIDER}egress: {{routes: [{{host: a.example}}, {{host: b.example}}]}}\n---\nText\n",
    "a list that does not stand in": f"---\n{PROVIDER}egress:\n  routes:\n  - host: a.example\n---\n",
    "a list that stands in far": f"---\n{PROVIDER}egress:\n  routes:\n      - host: a.example\n---\n",
}


def _read(text: str) -> Bottle:
    return bottle_from(parse(text, "dev").root, "dev")


def _route(wish: EgressWish = WISH) -> Route:
    return route_for(wish, Grant("aaaaaaaa"))


def _home(tmp_path: Path, **bottles: str) -> HomeManifestFiles:
    (tmp_path / "bottles").mkdir()
    for name, text in bottles.items():
        (tmp_path / "bottles" / f"{name}.md").write_text(text)
    return HomeManifestFiles(tmp_path)


@pytest.mark.parametrize("text", STYLES.values(), ids=STYLES.keys())
def test_one_route_more_and_nothing_else(tmp_path: Path, text: str) -> None:
    edit = _home(tmp_path, dev=text).with_route("dev", _route())
    before, after = _read(text), _read(edit.after)
    added = (after.routes or ())[-1]
    assert (added.host.text, added.methods, added.paths, added.auth) == (
        "pypi.org",
        ("GET", "HEAD"),
        ("/simple",),
        None,
    )
    assert (after.routes or ())[:-1] == (before.routes or ())
    assert (after.env, after.git, after.agent_provider) == (before.env, before.git, before.agent_provider)
    assert edit.before == text


def test_lines_that_were_there_stay_as_they_were(tmp_path: Path) -> None:
    edit = _home(tmp_path, dev=FULL).with_route("dev", _route())
    missing = [line for line in FULL.splitlines() if line.strip() and line.strip() not in edit.after]
    assert missing == []
    assert edit.after.endswith("---\n\n# Notes\negress: this is no key\n")


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (EgressWish("10.0.0.5", port=8443), "ssrf_ip_allowlist: [10.0.0.5/32]"),
        (EgressWish("a.example", port=80), "scheme: http"),
        (EgressWish("a.example", port=8443), "ports: [8443]"),
    ],
)
def test_what_is_not_the_usual_is_written(tmp_path: Path, wish: EgressWish, says: str) -> None:
    edit = _home(tmp_path, dev=STYLES["no routes yet"]).with_route("dev", _route(wish))
    assert says in edit.after
    assert len(_read(edit.after).routes or ()) == 1


def test_inherited_routes_are_changed_where_they_stand(tmp_path: Path) -> None:
    """A list in the child would take the parent's place, and the bottle would lose what it had."""
    child = "---\nextends: base\n---\n"
    home = _home(tmp_path, base=STYLES["on one line"], child=child)
    edit = home.with_route("child", _route())
    assert edit.path.name == "base.md"


def test_a_chain_without_routes_gets_them_at_its_own_end(tmp_path: Path) -> None:
    home = _home(tmp_path, base=STYLES["no routes yet"], child="---\nextends: base\n---\n")
    assert home.with_route("child", _route()).path.name == "child.md"


def test_nothing_is_written_before_it_is_said_so_and_then_with_its_mode(tmp_path: Path) -> None:
    home = _home(tmp_path, dev=FULL)
    path = tmp_path / "bottles" / "dev.md"
    path.chmod(0o640)
    edit = home.with_route("dev", _route())
    assert path.read_text() == FULL
    home.write(edit)
    assert (path.read_text(), path.stat().st_mode & 0o777) == (edit.after, 0o640)


def test_a_file_that_is_a_link_stays_one(tmp_path: Path) -> None:
    home = _home(tmp_path)
    (tmp_path / "dotfiles.md").write_text(FULL)
    (tmp_path / "bottles" / "dev.md").symlink_to(tmp_path / "dotfiles.md")
    edit = home.with_route("dev", _route())
    home.write(edit)
    assert (tmp_path / "bottles" / "dev.md").is_symlink()
    assert (tmp_path / "dotfiles.md").read_text() == edit.after


def test_a_file_that_changed_is_not_overwritten(tmp_path: Path) -> None:
    home = _home(tmp_path, dev=FULL)
    edit = home.with_route("dev", _route())
    (tmp_path / "bottles" / "dev.md").write_text(f"{FULL}more\n")
    with pytest.raises(ConflictError):
        home.write(edit)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (EgressWish("*.github.io"), "anybody"),
        (EgressWish("*.co.uk"), "anybody"),
        (EgressWish("a.example", port=80), ""),
    ],
)
def test_a_route_is_judged_as_if_it_stood_in_a_manifest(tmp_path: Path, wish: EgressWish, says: str) -> None:
    home = _home(tmp_path)
    if says:
        with pytest.raises(ManifestError, match=says):
            home.judge(_route(wish))
    else:
        home.judge(_route(wish))


def test_the_same_route_twice_is_a_mistake(tmp_path: Path) -> None:
    home = _home(tmp_path, dev=FULL)
    home.write(home.with_route("dev", _route()))
    with pytest.raises(ManifestError, match="matches exactly"):
        home.with_route("dev", _route())


FOUND = "5a0c1be2f49d7783"


@pytest.mark.parametrize("text", STYLES.values(), ids=STYLES.keys())
def test_one_approval_more_and_nothing_else(tmp_path: Path, text: str) -> None:
    edit = _home(tmp_path, dev=text).with_approved("dev", FOUND)
    before, after = _read(text), _read(edit.after)
    assert after.scanning is not None
    assert after.scanning.approved == (FOUND,)
    assert (after.routes or (), after.env, after.git) == (before.routes or (), before.env, before.git)


LINES = "# for reports\nRUN apt-get update \\\n && apt-get install -y 'jq=1.6*'\nENV LEVEL=3 MODE=\"a: b\""
ADDED = ("RUN apt-get update  && apt-get install -y 'jq=1.6*'", 'ENV LEVEL=3 MODE="a: b"')


@pytest.mark.parametrize("text", STYLES.values(), ids=STYLES.keys())
def test_lines_more_for_the_image_and_nothing_else(tmp_path: Path, text: str) -> None:
    home = _home(tmp_path, dev=text)
    edit = home.with_fragment("dev", LINES)
    before, after = _read(text), _read(edit.after)
    assert before.agent_provider is not None
    assert after.agent_provider == evolve(before.agent_provider, additions=ADDED)
    assert evolve(after, agent_provider=before.agent_provider) == before
    home.write(edit)
    more = home.with_fragment("dev", f"{ADDED[0]}\nRUN true")
    assert (_read(more.after).agent_provider or after.agent_provider).additions == (*ADDED, "RUN true"), "each once"


def test_lines_go_where_the_agents_program_is_named(tmp_path: Path) -> None:
    home = _home(tmp_path, base=STYLES["on one line"], child="---\nextends: base\n---\n")
    assert home.with_fragment("child", "RUN true").path.name == "base.md"


def test_an_approval_goes_where_the_scanner_is_spoken_of(tmp_path: Path) -> None:
    dlp = "  dlp:\n    silence:\n      - rule: gitlab-pat   # ours\n    approved: ['1111111111111111']\n"
    parent = f"---\n{PROVIDER}egress:\n  routes: []\n{dlp}---\n"
    edit = _home(tmp_path, dev="---\nextends: base\n---\n", base=parent).with_approved("dev", FOUND)
    assert edit.path.name == "base.md"
    assert edit.after == parent.replace("1']", f"1', {FOUND}]")
    assert "# ours" in edit.after
