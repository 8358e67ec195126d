"""The way out against corpora of attacks and of benign traffic: what is refused, what passes, what is wrong.

`make corpora CORPORA=DIR`, or `python benchmarks/egress/corpora.py DIR [--python PYTHON] [--only ssrf ...] [--wrong]`

DIR holds ssrf/, smuggling/, http-parsing/ and benign/ as JSON lines. A sidecar runs for real in a network of its own in
which every address leads to a listener that counts. What left is read by h11, http.server, node, aiohttp and gunicorn;
PYTHON is an interpreter that has the last two, where this one has not. `--wrong` prints each case that is not as it
should be.
"""

import argparse
import collections
import concurrent.futures
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.egress import corpus_cases, corpus_ssrf  # noqa: E402
from benchmarks.egress.corpus_client import Client, Reply  # noqa: E402
from benchmarks.egress.corpus_world import PUBLIC, World, enter  # noqa: E402
from tests.egress.harness import Sidecar, TestCa  # noqa: E402
from tests.support.http_readers import by_h11_first, read_all  # noqa: E402

Case = dict[str, Any]
READERS = ("h11", "http.server", "aiohttp", "gunicorn", "node")


class Run:
    """One world, one sidecar, and a count of outcomes per corpus and class."""

    def __init__(self, directory: Path, python: str) -> None:
        self.directory, self.python = directory, python
        self.counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.wrong: list[str] = []
        self.roots = TestCa("world")
        self._world: World | None = None
        self._sidecar: Sidecar | None = None

    @property
    def world(self) -> World:
        assert self._world is not None
        return self._world

    @property
    def sidecar(self) -> Sidecar:
        assert self._sidecar is not None
        return self._sidecar

    def serve(self, hosts: Iterable[str], routes: list[Case]) -> Client:
        """The world, and a sidecar with these routes; `hosts` are served by the public origin."""
        hosts = sorted(hosts)
        if self._world is None:
            self._world = World(self.roots.issue(*hosts), corpus_cases.answer)
            self.world.names = {host: [PUBLIC] for host in hosts}
        if self._sidecar is not None:
            self.sidecar.stop()
        self._sidecar = Sidecar(self.directory / "sidecar", TestCa("bottle"), self.roots.pem)
        said = self.sidecar.start(routes)
        assert said["event"] == "ready", said
        return Client(self.sidecar.port)

    def note(self, corpus: str, kind: str, case: str, wrong: str = "") -> None:
        self.counts[corpus][kind] += 1
        if wrong:
            self.wrong.append(f"{corpus} {case}: {kind}: {wrong}")


def ssrf(run: Run, directory: Path) -> None:
    """Nothing but the origin is ever reached, and each case is refused in words."""
    corpus_ssrf.hosts(run, _lines(directory / "ssrf/ssrf_hosts.jsonl"))
    corpus_ssrf.confusion(run, _lines(directory / "ssrf/host_confusion.jsonl"))


def smuggling(run: Run, directory: Path) -> None:
    _one_reading(run, "smuggling", corpus_cases.gadgets(_lines(directory / "smuggling/te_gadgets.jsonl")))


def http_parsing(run: Run, directory: Path) -> None:
    found = [case for file in sorted((directory / "http-parsing").glob("*.jsonl")) for case in _lines(file)]
    _one_reading(run, "http-parsing", corpus_cases.raw_requests(found))


def _one_reading(run: Run, corpus: str, cases: list[corpus_cases.Raw]) -> None:
    """What leaves of each case is read by five, and compared with the trail."""
    hosts = {case.host for case in cases}
    client = run.serve(hosts, [{"host": host} for host in hosts])
    left: list[tuple[corpus_cases.Raw, bytes, list[Case]]] = []
    for batch in _batches(cases):
        seen, lines = len(run.world.seen), len(run.sidecar.trail())
        with concurrent.futures.ThreadPoolExecutor(len(batch)) as pool:
            replies = list(pool.map(lambda case: client.inside(f"{case.host}:443".encode(), case.data), batch))
        trail = run.sidecar.wait_for_trail(lines + len(batch))[lines:]
        for case, reply in zip(batch, replies, strict=True):
            # A connection over which nothing came was made for a request that broke off meanwhile.
            arrived = [raw for raw in run.world.seen[seen:] if raw and (len(batch) == 1 or case.path in raw)]
            left += [(case, raw, trail) for raw in arrived]
            if not arrived:
                _note_kept(run, corpus, case, reply)
    _compare(run, corpus, left)


def _note_kept(run: Run, corpus: str, case: corpus_cases.Raw, reply: Reply) -> None:
    """What sent nothing on: it was refused, or more of its body is waited for, which is looked at before it leaves."""
    if reply.is_refusal:
        run.note(corpus, f"{case.kind}: refused", case.name)
    elif by_h11_first(case.data) is False and reply.is_silent_close:
        run.note(corpus, f"{case.kind}: not complete, nothing left", case.name)
    else:
        run.note(corpus, "NO ANSWER", case.name, str(reply))


def _batches(cases: list[corpus_cases.Raw]) -> Iterable[list[corpus_cases.Raw]]:
    """Cases whose requests can be told apart by their path go together."""
    apart = [case for case in cases if case.path]
    yield from ([case] for case in cases if not case.path)
    yield from (apart[at : at + 32] for at in range(0, len(apart), 32))


def _compare(run: Run, corpus: str, left: list[tuple[corpus_cases.Raw, bytes, list[Case]]]) -> None:
    readings = {name: read_all(name, [raw for _, raw, _ in left], run.python) for name in READERS}
    for name, reading in readings.items():
        run.counts[corpus][f"(read by {name})" if reading is not None else f"(NOT read by {name})"] += 1
    for at, (case, raw, trail) in enumerate(left):
        said = {name: reading[at] for name, reading in readings.items() if reading is not None}
        if by_h11_first(raw) is False:
            run.note(corpus, f"{case.kind}: broken off in its body", case.name)
        elif wrong := _disagreement(said, [line for line in trail if line["allowed"]]):
            run.note(corpus, f"{case.kind}: WRONG", case.name, f"{wrong} {raw!r}")
        else:
            run.note(corpus, f"{case.kind}: one reading of five and the trail", case.name)


def _disagreement(said: dict[str, Any], trail: list[Case]) -> str:
    if len({json.dumps(reading) for reading in said.values()}) != 1:
        return f"readers differ: {said}"
    (reading, *_) = said.values()
    if reading is None or len(reading) != 1:
        return f"not one request: {reading}"
    method, target, body = reading[0]
    lines = [(line["method"], line["path"], line["bytes_out"]) for line in trail]
    wanted = (method, target.partition("?")[0], corpus_cases.size(body))
    return "" if wanted in lines else f"the trail says {lines}, not {wanted}"


def benign(run: Run, directory: Path) -> None:
    """Each request arrives as it was sent, and its answer comes back as it was given."""
    cases = _lines(directory / "benign/requests.jsonl")
    hosts = {case["host"] for case in cases}
    client = run.serve(hosts, [{"host": host} for host in hosts])
    for case in cases:
        if case["cls"] == "git-receive-pack":  # a push goes to the gate, which is reached without the proxy
            run.note("benign", f"{case['cls']}: not by this way", case["id"])
            continue
        seen = len(run.world.seen)
        reply = client.inside(f"{case['host']}:443".encode(), corpus_cases.written(case))
        wrong = corpus_cases.changed(case, run.world.seen[seen:], reply)
        run.note("benign", f"{case['cls']}: {'WRONG' if wrong else 'passed'}", case["id"], wrong)


def _lines(file: Path) -> list[Case]:
    return [json.loads(line) for line in file.read_text().splitlines()]


CORPORA: dict[str, Callable[[Run, Path], None]] = {
    "ssrf": ssrf, "smuggling": smuggling, "http-parsing": http_parsing, "benign": benign}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", nargs="*", choices=sorted(CORPORA))
    parser.add_argument("--wrong", action="store_true")
    words = parser.parse_args()
    names = words.only or list(CORPORA)
    if len(names) > 1:  # a world for each
        return max(
            subprocess.run([sys.executable, *sys.argv, "--only", name], check=False).returncode for name in names
        )
    with tempfile.TemporaryDirectory() as place:
        enter(Path(place))
        run = Run(Path(place), words.python)
        CORPORA[names[0]](run, words.directory)
        run.sidecar.stop()
        _print(run, wrong=words.wrong)
    return 1 if run.wrong else 0


def _print(run: Run, *, wrong: bool) -> None:
    for corpus, counts in run.counts.items():
        print(f"{corpus}:")
        for kind, count in sorted(counts.items()):
            print(f"  {count:5} {kind}")
    for line in run.wrong if wrong else ():
        print(f"! {line[:2000]}")


if __name__ == "__main__":
    sys.exit(main())
