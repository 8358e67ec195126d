"""Starts the way out, keeps it going, and ends it in order."""

import asyncio
import gc
import os
import resource
import signal
import sys
import time
import traceback
from functools import partial
from pathlib import Path
from typing import NoReturn

import uvloop

from bottle.domain.egress_config import EgressReload, EgressStart
from bottle.domain.listen import Listen
from bottle.domain.names import agent_of
from sidecars.egress import limits
from sidecars.egress.agent_side import AgentSide
from sidecars.egress.audit import Trail
from sidecars.egress.control import END, Control, read_stdin
from sidecars.egress.dial import Dialler, resolve_as_listed
from sidecars.egress.dns import Responder
from sidecars.egress.gateway import Gateway
from sidecars.egress.listening import listen_for
from sidecars.egress.memory import Quiet, give_back_memory, keep_memory
from sidecars.egress.rules import Rules, build
from sidecars.egress.tls import require_roots, upstream_context
from sidecars.host.privacy import keep_to_itself
from sidecars.scanner.patterned import patterns_in


class Egress:
    """The running program: from the first document on a listener, a gateway and perhaps a DNS responder."""

    def __init__(self) -> None:
        self._gateway: Gateway | None = None
        self._server: asyncio.Server | None = None
        self._dns: asyncio.DatagramTransport | None = None
        self._stop = asyncio.Event()
        self._is_tied = False

    async def start(self, start: EgressStart) -> None:
        """Serves as the document says. Raises ConfigError or OSError, and then nothing listens."""
        rules = build(start.rules, key=agent_of(start.identity).encode(), patterns=patterns_in(start.patterns))
        require_roots(start.roots)
        loop = asyncio.get_running_loop()
        trust = loop.run_in_executor(None, upstream_context, start.roots)
        if start.proxy is None:
            resolve_as_listed()
        dialler = Dialler(trust, start.proxy)  # nobody waits for that before the first origin is dialled
        gateway = Gateway(rules, Trail(start.audit, start.identity), dialler)
        gateway.withhold()
        self._server = await listen_for(lambda: AgentSide(gateway), start.listen)
        try:
            self._dns = await _answer_dns(gateway, start.dns) if start.dns is not None else None
        except OSError:
            self._server.close()
            raise
        self._gateway = gateway
        self._is_tied = start.tied
        trust.add_done_callback(lambda _: loop.run_in_executor(None, _settle, rules))

    def reload(self, reload: EgressReload) -> None:
        """Judges by new rules from now on. Raises ConfigError, and the old ones stay."""
        if self._gateway is not None:
            rules = build(reload, self._gateway.rules)
            self._gateway.replace(rules)
            asyncio.get_running_loop().run_in_executor(None, _settle, rules)

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT, or the end of standard input where it is tied to that."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_report)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        deliver = partial(_deliver, loop, lines)
        read_stdin(deliver, lambda: deliver(END))
        control = loop.create_task(Control(self.start, self.reload).run(lines))
        control.add_done_callback(lambda _: self._input_ended())
        quiet = Quiet(lambda: loop.run_in_executor(None, give_back_memory))
        while not self._stop.is_set():
            await _wait(self._stop, limits.SWEEP_SECONDS)
            if self._gateway is not None:
                _sweep(self._gateway, quiet, time.monotonic())
        control.cancel()
        await self._finish()

    def _input_ended(self) -> None:
        """Whoever is tied to it ends with it, and so does who was never told anything: nobody is left who could."""
        if self._is_tied or self._gateway is None:
            self._stop.set()

    async def _finish(self) -> None:
        """Accepts nothing more; what is under way gets a moment."""
        if self._server is not None:
            self._server.close()
        if self._dns is not None:
            self._dns.close()
        gateway = self._gateway
        if gateway is None:
            return
        gateway.is_stopping = True
        for _ in range(int(limits.STOP_SECONDS / 0.02)):
            if not gateway.is_busy:
                break
            await asyncio.sleep(0.02)
        for guest in tuple(gateway.guests):
            guest.abort()
        gateway.rules.pool.close()
        await asyncio.sleep(0)  # lets the aborted exchanges note their ends
        gateway.trail.flush()


def main() -> NoReturn:
    """The program. Exit status 0 after a signal; it never ends by itself."""
    keep_to_itself()
    _raise_file_limit()
    keep_memory()
    gc.freeze()  # what was imported lives as long as the process and need not be looked at again
    gc.set_threshold(10_000, 20, 50)  # a request leaves no cycles behind
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Egress().run())
        sys.stdout.flush()
        os._exit(0)  # threads may wait on standard input, or look at content that nobody wants any more


async def _answer_dns(gateway: Gateway, listen: Listen) -> asyncio.DatagramTransport:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Responder(gateway.trail), (listen.host, listen.port)
    )
    return transport


def _sweep(gateway: Gateway, quiet: Quiet, now: float) -> None:
    gateway.sweep(now)
    quiet.tick(now, gateway.trail.count, is_busy=gateway.is_busy)


def _settle(rules: Rules) -> None:
    """What nobody need wait for once the way out serves."""
    rules.warm_up()
    give_back_memory()


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """A fault of ours, on standard error by type and place alone: a message or a value could hold a secret."""
    error = context.get("exception")
    frames = traceback.extract_tb(error.__traceback__) if isinstance(error, BaseException) else []
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
    sys.stderr.write(f"egress: internal error: {type(error).__name__} at {place}\n")
    sys.stderr.flush()


def _deliver(loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[bytes | None]", line: bytes | None) -> None:
    """From another thread."""
    try:
        loop.call_soon_threadsafe(lines.put_nowait, line)
    except RuntimeError:  # the loop is closed: the program is ending
        pass


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _raise_file_limit() -> None:
    """Each connection of the box can mean two; the usual soft limit is meant for programs that use select."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8 * limits.CONNECTIONS
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted, hard))
