"""The operator's own bottle files, changed in place: one thing more, with comments and order as they were."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import evolve
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from bottle.adapters import disk
from bottle.adapters.manifests import frontmatter, structure
from bottle.adapters.manifests.routes import DEFAULT_PORTS
from bottle.app.ports import ManifestEdit
from bottle.domain.dlp.settings import Scanning
from bottle.domain.egress import Route
from bottle.domain.errors import ConflictError, ManifestError, NotFoundError
from bottle.domain.fragments import instructions
from bottle.domain.manifest import Bottle
from bottle.domain.names import is_entity_name

_ASKED = "what the agent asks for"
_HINT = "edit the file by hand"
_ITEM = re.compile(r"^( *)\S.*:\n(?: *#.*\n)*( *)- ", re.MULTILINE)
_LONG_LINE = 4096


class HomeManifestFiles:
    """ports.HomeManifests over `home`, the `.bot-bottle` directory."""

    def __init__(self, home: Path) -> None:
        self._bottles = home / "bottles"

    def judge(self, route: Route) -> None:
        text = f"---\negress: {json.dumps({'routes': [_entry(route)]})}\n---\n"
        structure.bottle_from(frontmatter.parse(text, _ASKED).root, "asked")

    def with_route(self, bottle: str, route: Route) -> ManifestEdit:
        path, text = self._which_says(bottle, _says_routes)

        def one_more(egress: CommentedMap) -> None:
            routes = egress.setdefault("routes", CommentedSeq())
            routes.append(_flow(_entry(route)) if routes.fa.flow_style() else CommentedMap(_entry_in_lines(route)))

        after = _changed(text, "egress", one_more, path)
        before, now = _read(text, path), _read(after, path)
        old, new = before.routes or (), now.routes or ()
        _require(evolve(now, routes=before.routes) == before and new[:-1] == old and len(new) == len(old) + 1, path)
        return ManifestEdit(path, text, after)

    def with_approved(self, bottle: str, fingerprint: str) -> ManifestEdit:
        path, text = self._which_says(bottle, _says_scanning, _says_routes)

        def one_more(egress: CommentedMap) -> None:
            egress.setdefault("routes", _flow([]))
            egress.setdefault("dlp", CommentedMap()).setdefault("approved", _flow([])).append(fingerprint)

        after = _changed(text, "egress", one_more, path)
        before, now = _read(text, path), _read(after, path)
        wanted = (before.scanning or Scanning()).approving(fingerprint)
        same = evolve(now, scanning=before.scanning, routes=before.routes) == before
        _require(same and now.scanning == wanted and (now.routes or ()) == (before.routes or ()), path)
        return ManifestEdit(path, text, after)

    def with_fragment(self, bottle: str, fragment: str) -> ManifestEdit:
        path, text = self._which_says(bottle, _says_provider)
        provider = _read(text, path).agent_provider
        lines = [line for line in instructions(fragment) if provider is None or line not in provider.additions]

        def more(provider: CommentedMap) -> None:
            provider.setdefault("additions", CommentedSeq()).extend(lines)

        after = _changed(text, "agent_provider", more, path)
        before, now = _read(text, path), _read(after, path)
        old = before.agent_provider
        wanted = None if old is None else evolve(old, additions=(*old.additions, *lines))
        _require(now == evolve(before, agent_provider=wanted), path)
        return ManifestEdit(path, text, after)

    def write(self, edit: ManifestEdit) -> None:
        try:
            if edit.path.read_text("utf-8") != edit.before:
                raise ConflictError(f"{edit.path} was changed meanwhile", hint="approve once more")
            target = edit.path.resolve()
            mode = target.stat().st_mode
            disk.write_whole(target, edit.after.encode())
            target.chmod(mode)
        except OSError as error:
            raise ManifestError(f"{edit.path}: cannot be written: {error.strerror}") from None

    def _which_says(self, bottle: str, *says: Callable[[Bottle], bool]) -> tuple[Path, str]:
        """The file, among the bottle's and those it extends, that says the first of these things that any of them says;
        its own where none says anything."""
        chain = list(self._chain(bottle))
        for said in says:
            for path, text, found in chain:
                if said(found):
                    return path, text
        return chain[0][:2]

    def _chain(self, bottle: str) -> Iterator[tuple[Path, str, Bottle]]:
        name: str | None = bottle
        visited: set[str] = set()
        while name is not None and name not in visited:
            visited.add(name)
            path, text = self._text(name)
            found = _read(text, path)
            yield path, text, found
            name = found.extends

    def _text(self, name: str) -> tuple[Path, str]:
        path = self._bottles / f"{name}.md"
        if not is_entity_name(name):
            raise NotFoundError(f"no bottle is called {name!r}")
        try:
            return path, path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise ManifestError(f"{path}: cannot be read", hint="approve it for this bottle alone") from None


def _says_routes(bottle: Bottle) -> bool:
    return bottle.routes is not None


def _says_provider(bottle: Bottle) -> bool:
    return bottle.agent_provider is not None


def _says_scanning(bottle: Bottle) -> bool:
    return bottle.scanning is not None


def _read(text: str, path: Path) -> Bottle:
    return structure.bottle_from(frontmatter.parse(text, str(path)).root, path.stem)


def _changed(text: str, section: str, change: Callable[[CommentedMap], None], path: Path) -> str:
    """The text with a change of what it says in one of its sections."""
    opening, head, rest = _parts(text)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _LONG_LINE
    offset = _offset(head)
    yaml.indent(mapping=2, sequence=offset + 2, offset=offset)
    try:
        root = yaml.load(head) or CommentedMap()
        change(root.setdefault(section, CommentedMap()))
        out = io.StringIO()
        yaml.dump(root, out)
    except (YAMLError, AttributeError, TypeError) as error:
        raise ManifestError(f"{path}: cannot be changed in place: {type(error).__name__}", hint=_HINT) from None
    return f"{opening}{out.getvalue()}{rest}"


def _parts(text: str) -> tuple[str, str, str]:
    """The opening fence, what is between the fences, and all from the closing one on."""
    lines = text.splitlines(keepends=True)
    end = next(number for number, line in enumerate(lines) if number and line.rstrip() == frontmatter.FENCE)
    return lines[0], "".join(lines[1:end]), "".join(lines[end:])


def _offset(head: str) -> int:
    """How far the file's lists stand in."""
    item = _ITEM.search(head)
    return len(item[2]) - len(item[1]) if item else 2


def _require(says_just_that: bool, path: Path) -> None:
    """The file says what it said, and one thing more; anything else is not written."""
    if not says_just_that:
        raise ManifestError(f"{path}: cannot be changed in place", hint=_HINT)


def _entry(route: Route) -> dict[str, Any]:
    """The route as a manifest writes it."""
    entry: dict[str, Any] = {"host": route.host.text}
    if route.scheme != "https":
        entry["scheme"] = route.scheme
    if route.ports != (DEFAULT_PORTS[route.scheme],):
        entry["ports"] = list(route.ports)
    if route.methods:
        entry["methods"] = list(route.methods)
    if route.paths:
        entry["path_allowlist"] = list(route.paths)
    if route.private_ips:
        entry["pipelock"] = {"ssrf_ip_allowlist": [str(network) for network in route.private_ips]}
    return entry


def _entry_in_lines(route: Route) -> dict[str, Any]:
    return {key: _flow(value) for key, value in _entry(route).items()}


def _flow(value: Any) -> Any:
    """A list or mapping on one line."""
    if isinstance(value, dict):
        table = CommentedMap({key: _flow(inner) for key, inner in value.items()})
        table.fa.set_flow_style()
        return table
    if isinstance(value, list):
        items = CommentedSeq(value)
        items.fa.set_flow_style()
        return items
    return value
