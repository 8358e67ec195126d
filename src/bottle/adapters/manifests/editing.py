"""The operator's own bottle files, changed in place: one more route, with comments and order as they were."""

import io
import json
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from bottle.adapters import disk
from bottle.adapters.manifests import frontmatter, structure
from bottle.adapters.manifests.routes import DEFAULT_PORTS
from bottle.app.supervise_ports import ManifestEdit
from bottle.domain.egress import Route
from bottle.domain.errors import ConflictError, ManifestError, NotFoundError
from bottle.domain.manifest import Bottle
from bottle.domain.names import is_entity_name

_ASKED = "what the agent asks for"
_HINT = "edit the file by hand"
_ITEM = re.compile(r"^( *)\S.*:\n(?: *#.*\n)*( *)- ", re.MULTILINE)
_LONG_LINE = 4096


class HomeManifestFiles:
    """supervise_ports.HomeManifests over `home`, the `.bot-bottle` directory."""

    def __init__(self, home: Path) -> None:
        self._bottles = home / "bottles"

    def judge(self, route: Route) -> None:
        text = f"---\negress: {json.dumps({'routes': [_entry(route)]})}\n---\n"
        structure.bottle_from(frontmatter.parse(text, _ASKED).root, "asked")

    def with_route(self, bottle: str, route: Route) -> ManifestEdit:
        path, text = self._which_says(bottle)
        after = _with_route(text, route, path)
        _require_one_more(_read(text, path), _read(after, path), path)
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

    def _which_says(self, bottle: str) -> tuple[Path, str]:
        """The file, among the bottle's and those it extends, whose routes count; its own where none has any."""
        first: tuple[Path, str] | None = None
        name: str | None = bottle
        visited: set[str] = set()
        while name is not None and name not in visited:
            visited.add(name)
            path, text = self._text(name)
            first = first or (path, text)
            found = _read(text, path)
            if found.routes is not None:
                return path, text
            name = found.extends
        assert first is not None  # noqa: S101
        return first

    def _text(self, name: str) -> tuple[Path, str]:
        path = self._bottles / f"{name}.md"
        if not is_entity_name(name):
            raise NotFoundError(f"no bottle is called {name!r}")
        try:
            return path, path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise ManifestError(f"{path}: cannot be read", hint="approve it for this bottle alone") from None


def _read(text: str, path: Path) -> Bottle:
    return structure.bottle_from(frontmatter.parse(text, str(path)).root, path.stem)


def _with_route(text: str, route: Route, path: Path) -> str:
    opening, head, rest = _parts(text)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _LONG_LINE
    offset = _offset(head)
    yaml.indent(mapping=2, sequence=offset + 2, offset=offset)
    try:
        root = yaml.load(head) or CommentedMap()
        egress = root.setdefault("egress", CommentedMap())
        routes = egress.setdefault("routes", CommentedSeq())
        routes.append(_flow(_entry(route)) if routes.fa.flow_style() else CommentedMap(_entry_in_lines(route)))
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


def _require_one_more(before: Bottle, after: Bottle, path: Path) -> None:
    """The file says what it said, and one route more; anything else is not written."""
    old, new = before.routes or (), after.routes or ()
    same = all(getattr(before, name) == getattr(after, name) for name in ("extends", "env", "git", "agent_provider"))
    if not same or new[:-1] != old or len(new) != len(old) + 1:
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
