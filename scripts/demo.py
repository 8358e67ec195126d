"""The real Claude Code in a real bottle, against a local stand-in of its API: a line for each promise.

Run by `make demo`, on a Docker engine where one answers, else on namespaces alone (Linux); `make demo
BACKEND=bubblewrap` chooses. Its token is made up. Exits 1 when a promise does not hold or no backend works here.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "src"))

from tests.support import claims
from tests.support.box_views import engine
from tests.support.claims import Claim
from tests.support.demo_world import AGENT, TASK, TOKEN_VARIABLE, World, world
from tests.support.namespace_views import namespaces
from tests.support.views import Views

PROMPT = ("-p", TASK, "--output-format", "json")
FIRST_RUN = 1800
WIDTH = 46
BACKENDS: Mapping[str, Callable[[], Views | str]] = {"docker": engine, "bubblewrap": namespaces}


def main() -> int:
    views = choose(_arguments().backend)
    if views is None:
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends the demo gets it cleaned up
    begin = time.monotonic()
    print("The real Claude Code in a real bottle; its API is a stand-in on this machine, its token made up.\n")
    try:
        with tempfile.TemporaryDirectory(prefix="bottle-demo-") as root:
            failed = show(promises(views, Path(root)))
    except (AssertionError, OSError) as error:
        print(f"\nfailed: {error}")
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; everything was removed")
        return 130
    print(f"\n{f'{failed} did not hold' if failed else 'Every promise held'} ({time.monotonic() - begin:.0f} s).")
    print(
        f"With a real token in {TOKEN_VARIABLE}, `bottle init` and `bottle start coder` do the same with the real API."
    )
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", choices=sorted(BACKENDS), help="not said: the first that works here")
    return parser.parse_args()


def choose(named: str | None) -> Views | None:
    """The backend that was named, or the first that works here; None, and why, when there is none."""
    for name in [named] if named else BACKENDS:
        views = BACKENDS[name]()
        if not isinstance(views, str):
            return views
        print(f"{name}: {views}")
    return None


def promises(views: Views, root: Path) -> Iterator[Claim]:
    """Two bottles, one attached and one left running, and what is to be seen of them."""
    with world(views, root, forked=None) as here:
        show_walls(here)
        yield from attached(here)
        yield from detached(here)


def show_walls(here: World) -> None:
    """What `bottle info` says of the walls, those that this backend lacks too."""
    told = json.loads(here.cli.run("info", AGENT, "--json").ok().stdout)
    print(f"Walls of the {told['backend']} backend on this machine:")
    width = max(len(wall["name"]) for wall in told["walls"])
    for wall in told["walls"]:
        print(f"  {'has  ' if wall['present'] else 'LACKS'}  {wall['name']:<{width}}  {wall['how']}")
    print(flush=True)


def attached(here: World) -> Iterator[Claim]:
    """`bottle start worker --yes -- -p TASK`: the bottle lives as long as its agent."""
    say("bottle", "start", AGENT, "--yes", "--", *PROMPT)
    done = here.cli.run("start", AGENT, "--yes", "--", *PROMPT, timeout=FIRST_RUN, tell=progress)
    yield claims.task_done(here, done)
    yield claims.token_injected(here)
    for identity in here.identities():
        yield claims.nothing_left(here, identity)


def detached(here: World) -> Iterator[Claim]:
    """`bottle start worker --detach`: the same task through `bottle exec`, then a look at everything."""
    say("bottle", "start", AGENT, "--yes", "--detach")
    started = here.cli.run("start", AGENT, "--yes", "--detach", "--json").ok()
    identity = json.loads(started.stdout)["identity"]
    traces = here.views.traces(identity)
    say("bottle", "exec", identity, "--", "claude", *PROMPT)
    done = here.inside(identity, "claude", "--dangerously-skip-permissions", *PROMPT, timeout=120)
    yield claims.task_done(here, done)
    for claim in (
        claims.file_written,
        claims.intercepted,
        claims.token_not_echoed,
        claims.no_token_in_processes,
        claims.no_token_in_files,
        claims.no_token_outside,
        claims.unlisted_refused,
        claims.push_refused,
        claims.unreachable,
        claims.no_names,
    ):
        yield claim(here, identity)
    say("bottle", "stop", identity)
    here.cli.run("stop", identity).ok()
    yield claims.nothing_left(here, identity, traces)


def show(made: Iterable[Claim]) -> int:
    """Prints each claim as it comes; returns how many did not hold."""
    failed = 0
    for claim in made:
        failed += not claim.ok
        print(f"  {mark(ok=claim.ok)}  {claim.promise:<{WIDTH}}  {claim.seen}", flush=True)
    return failed


def mark(*, ok: bool) -> str:
    """`ok` or `FAIL`, in colour on a terminal that wants it."""
    word, code = ("ok  ", "32") if ok else ("FAIL", "1;31")
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[{code}m{word}\x1b[0m" if coloured else word


def say(*words: str) -> None:
    print("$ " + " ".join(f'"{word}"' if " " in word else word for word in words), flush=True)


def progress(line: str) -> None:
    """What bottle says while it works; of its first run, what it makes ready."""
    if line.startswith("bottle: making ready"):
        print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
