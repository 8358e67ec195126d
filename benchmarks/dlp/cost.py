"""What a look costs, in CPU time: `python -m benchmarks.dlp.cost RULES [--profile KIND]`.

RULES is a directory of compiled secret rules (`python -m sidecars.scanner.patterns.build DIRECTORY`). Chats are made of
the text that this machine's Python has, so that each is another one and has not been seen. Beside other programs run it
under `chrt -f 50`: a core that is shared with others has cold caches.
"""

import argparse
import base64
import cProfile
import itertools
import json
import pstats
import random
import statistics
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bottle.domain.dlp.spellings import Registered
from bottle.domain.dlp.stream import Leak
from sidecars.scanner.guard import Guard
from sidecars.scanner.patterned import patterns_in

_SIZE = 100_000
_VALUES = ("Hq7zP2mWc9LrT4vXb8NkY6dJs3", "9c1f3be27a604d58b3e5", "amber-walrus-canyon-5821", "Zk93hfQw7LmP2xVb77Ab12")
_FOLDERS = ("asyncio", "ctypes", "email", "http", "idlelib", "importlib", "json", "logging", "multiprocessing",
            "tkinter", "unittest", "xml")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rules")
    parser.add_argument("--profile", default="", help="where the time of one kind goes")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    values = [Registered(f"VALUE_{number}", value.encode()) for number, value in enumerate(_VALUES)]
    guard = Guard.of(values, b"benchmark", patterns_in(options.rules))
    guard.warm_up()
    kinds = {name: make for name, make in KINDS.items() if name.startswith(options.profile or options.only)}
    with cProfile.Profile() if options.profile else _Nothing() as profile:
        for name, make in kinds.items():
            bodies = make()
            times = sorted(_cost(guard, body) for body in bodies)
            size = statistics.mean(map(len, bodies))
            told = f"p50 {times[len(times) // 2]:8.2f} ms   p99 {times[-1 - len(times) // 100]:8.2f} ms"
            print(f"{name:28} {size / 1000:8.0f} KB   {told}   {size / statistics.mean(times) / 1000:7.1f} MB/s")
    if isinstance(profile, cProfile.Profile):
        pstats.Stats(profile).sort_stats("tottime").print_stats(28)


class _Nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def _cost(guard: Guard, body: bytes) -> float:
    """Milliseconds of CPU."""
    start = time.process_time()
    try:
        stream = guard.body()
        for at in range(0, len(body), 65_536):
            stream.feed(body[at : at + 65_536])
        stream.finish()
    except Leak as leak:
        print(f"  refused: {leak.finding.rule} {leak.finding.reason}")
    return (time.process_time() - start) * 1000


def _texts() -> Iterator[str]:
    """Source files and documents, in an order that is no order, again and again."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(path for folder in _FOLDERS for path in (root / folder).rglob("*.py"))
    files += sorted(Path().glob("docs/**/*.md")) + sorted(Path().glob("src/**/*.py"))
    random.Random(7).shuffle(files)
    for path in itertools.cycle(files):
        yield path.read_text(encoding="utf-8", errors="replace")


def chats(count: int = 100) -> list[bytes]:
    """Conversations of a coding agent: what it read, what it said, what it changed."""
    made: list[bytes] = []
    messages: list[object] = []
    for number, text in enumerate(_texts()):
        messages += _turn(number, text[:24_000])
        body = json.dumps({"model": "m", "messages": messages, "stream": True}).encode()
        if len(body) > _SIZE:
            made.append(body[:_SIZE])
            messages = []
        if len(made) == count:
            break
    return made


def _turn(number: int, text: str) -> list[object]:
    tool = f"toolu_01{number:020}"
    change = {"file_path": f"/w/src/{number}.py", "old_string": text[200:900], "new_string": text[100:700]}
    said = {"type": "text", "text": f"I have read {len(text)} characters, and go on."}
    edit = {"type": "tool_use", "id": tool, "name": "Edit", "input": change}
    return [
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": tool, "content": text}]},
        {"role": "assistant", "content": [said, edit]},
    ]


def _agains() -> list[bytes]:
    """Conversations that were sent before, with one more message."""
    more = b', {"role": "user", "content": "and one more thing"}]}'
    return [body[: body.rindex(b'{"role"')].rstrip(b", ") + more for body in chats()]


def _code() -> list[bytes]:
    text = "\n".join(itertools.islice(_texts(), 200)).encode()
    return [text[at : at + _SIZE] for at in range(0, min(len(text), 20 * _SIZE), _SIZE)]


def _minified() -> list[bytes]:
    words = (b"function(e,t){return e.call(this,t)}", b"var n=r(12),o=i.a.create(", b't.exports={key:"value",A:1};',
             b'!function(){"use strict";if(void 0!==e&&t%2)', b"\\u00e9\\n")  # fmt: skip
    chosen = random.Random(3)
    return [b"".join(chosen.choice(words) for _ in range(_SIZE // 28)) for _ in range(5)]


def _images() -> list[bytes]:
    noise = random.Random(5)
    return [json.dumps({"data": base64.b64encode(noise.randbytes(72_000)).decode()}).encode() for _ in range(5)]


def _escaped() -> list[bytes]:
    texts = [json.dumps({"text": json.dumps(body.decode())}) for body in chats(5)]
    return [json.dumps({"input": text}).encode()[:_SIZE] for text in texts]


def _repeated(unit: bytes, size: int = _SIZE) -> Callable[[], list[bytes]]:
    return lambda: [unit * (size // len(unit))]


KINDS: dict[str, Callable[[], list[bytes]]] = {
    "chat": chats,
    "chat, again with one more": _agains,
    "code": _code,
    "minified": _minified,
    "image in base64": _images,
    "JSON in JSON in JSON": _escaped,
    "long chat": lambda: [b"".join(chats(100))],
    "hostile: percent": _repeated(b"%41%zz"),
    "hostile: backslashes": _repeated(b"\\\\\\\\u0041\\x41\\101"),
    "hostile: entities": _repeated(b"&amp;&#65;&lt"),
    "hostile: quoted-printable": _repeated(b"=41=3D "),
    "hostile: short base64": _repeated(b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo= "),
    "hostile: base64 of single characters": _repeated(b"QQ== "),
    "hostile: base64 of base64": _repeated(base64.b64encode(base64.b64encode(b"nothing to be found in here")) + b" "),
    "hostile: numbers": _repeated(b"65, 66, 67, 0x41, 101, "),
    "hostile: alternating": _repeated(b"a.b.c.d.e.f.g.h.i.j.k.l.m. "),
    "hostile: base85": _repeated(b"87cURD]i,\"Ebo80+ABCD*() "),
    "hostile: zlib heads": _repeated(b"x\x9cabc"),
    "hostile: unicode": _repeated("\u0430\u0435\u200b\uff21x".encode()),
    "hostile: key openers": _repeated(b"-----BEGIN PRIVATE KEY----- "),
    "hostile: token names": _repeated(b"token_id: a1b2c3d4e5f6a7b8, api_key: file_1_of_20 "),
}  # fmt: skip


if __name__ == "__main__":
    main()
