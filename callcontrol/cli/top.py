"""`callcontrol top`: calls, figures and health on one screen, with keys.

It asks Postgres for the calls and /metrics for everything else; no engine is asked anything
but its figures. rich draws it: one library fewer than with a framework for terminals, and the
few keys there are need thirty lines.
"""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import threading
import tty
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from callcontrol.cdr import Cdr
from callcontrol.cli.calls import level_in_force, rated_now
from callcontrol.cli.top_readings import Figures, Reading, figures
from callcontrol.cli.top_screen import Moment, Order, Running, View, arranged, screen
from callcontrol.clock import SystemClock, at_of
from callcontrol.config import settings
from callcontrol.errors import CallControlError, ConfigError
from callcontrol.reference import Reference
from callcontrol.store import run
from callcontrol.store.calls_table import CallInProgress, calls_in_progress
from callcontrol.store.cdr_table import find_refused
from callcontrol.store.reference_rows import read_reference_once

_EVERY_S = 1.0
_ASK_S = 2.0
_WINDOW = 10  # readings, over which paces and means are taken
_REFUSALS = 5
_REFERENCE_S = 60.0
_PAPER = 130  # columns, where there is no terminal
_AROUND_CALLS = 20  # lines of the screen that are not calls

_NAMES = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "k": "up",
    "j": "down",
    "\r": "open",
    "\n": "open",
}
_ONE_KEY = re.compile(r"\x1b\[[A-Z]|\x1bO[A-Z]|.", re.DOTALL)


def top(
    once: Annotated[
        bool, typer.Option("--once", help="Print it once, over a second, and end.")
    ] = False,
    engine: Annotated[
        list[str] | None,
        typer.Option(help="host:port of an engine's figures; several times for several."),
    ] = None,
) -> None:
    """Show calls, rates, refusals, journal, link and store on one screen.

    Without a terminal it prints once. Keys: q quits, s sorts, arrows choose a call, Enter looks
    into it, Esc goes back.
    """
    chosen = settings()
    host = "127.0.0.1" if chosen.metrics_host in ("0.0.0.0", "::") else chosen.metrics_host  # noqa: S104
    watcher = _Watcher(chosen.dsn, engine or [f"{host}:{chosen.metrics_port}"])
    is_shown = sys.stdout.isatty()
    console = Console(width=None if is_shown else _PAPER, highlight=False)
    if once or not (is_shown and sys.stdin.isatty()):
        watcher.look()
        threading.Event().wait(_EVERY_S)
        moment = watcher.look()
        console.print(screen(moment, View(rows=len(moment.calls), has_keys=False)))
        if moment.figures is None or moment.store_fault:
            raise typer.Exit(1)
        return
    with _keys(), Live(console=console, screen=True, auto_refresh=False) as live:
        _watch(watcher, console, live)


def _watch(watcher: _Watcher, console: Console, live: Live) -> None:
    """Show what there is every second, and at each key at once, until `q`."""
    view, moment = View(), watcher.look()
    clock = SystemClock()
    next_s = clock.monotonic_s() + _EVERY_S
    while True:
        view = replace(view, rows=max(3, console.height - _AROUND_CALLS))
        live.update(screen(moment, view), refresh=True)
        keys = _pressed(max(0.0, next_s - clock.monotonic_s()))
        if "q" in keys:
            return
        for key in keys:
            view = after_key(key, view, moment.calls)
        if not keys:
            moment = watcher.look()
            next_s = clock.monotonic_s() + _EVERY_S


def after_key(key: str, view: View, calls: Sequence[Running]) -> View:
    """Say what is shown after a key; one that means nothing changes nothing."""
    ids: list[str] = [one.call.call_id for one in arranged(calls, view.order)]
    at = ids.index(view.chosen) if view.chosen in ids else -1
    match key:
        case "s":
            orders = list(Order)
            return replace(view, order=orders[(orders.index(view.order) + 1) % len(orders)])
        case "down" if ids and not view.is_open:
            return replace(view, chosen=ids[min(at + 1, len(ids) - 1)])
        case "up" if ids and not view.is_open:
            return replace(view, chosen=ids[max(at - 1, 0)])
        case "open" if at >= 0:
            return replace(view, is_open=True)
        case "\x1b":
            return replace(view, is_open=False, chosen=view.chosen if view.is_open else None)
    return view


@contextmanager
def _keys() -> Iterator[None]:
    """Have keys come one by one and unseen, and put the terminal back."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _pressed(within_s: float) -> list[str]:
    """Wait for keys; none when none comes."""
    if not select.select([sys.stdin], [], [], within_s)[0]:
        return []
    return keys_in(os.read(sys.stdin.fileno(), 64).decode("utf-8", "replace"))


def keys_in(text: str) -> list[str]:
    """Tell the keys that a terminal sent, several at once if they were quick."""
    return [_NAMES.get(key, key) for key in _ONE_KEY.findall(text)]


class _Watcher:
    """Asks Postgres and engines, and keeps what the last answers were.

    Args:
        dsn: Postgres.
        engines: host:port of each engine's figures.
    """

    def __init__(self, dsn: str, engines: Sequence[str]) -> None:
        self._dsn = dsn
        self._engines = engines
        self._clock = SystemClock()
        self._readings: deque[Reading] = deque(maxlen=_WINDOW)
        self._reference: Reference | None = None
        self._read_s = 0.0
        self._calls: Sequence[tuple[str, CallInProgress]] = ()
        self._refusals: Sequence[Cdr] = ()

    def look(self) -> Moment:
        """Take everything in once more. Waits for Postgres and engines."""
        shown, figures_fault = self._figures()
        store_fault = ""
        try:
            self._ask_store()
        except CallControlError as exc:
            store_fault = str(exc)
        now_us = self._clock.now_us()
        return Moment(
            now_us=now_us,
            figures=shown,
            figures_fault=figures_fault,
            store_fault=store_fault,
            calls=[self._running(engine, call, now_us) for engine, call in self._calls],
            refusals=self._refusals,
        )

    def _figures(self) -> tuple[Figures | None, str]:
        try:
            now = Reading.of(map(_fetched, self._engines), at_s=self._clock.monotonic_s())
        except ConfigError as exc:
            return None, str(exc)
        self._readings.append(now)
        return figures(self._readings[0], now), ""

    def _ask_store(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._reference is None or now_s - self._read_s > _REFERENCE_S:
            at = at_of(self._clock.now_us())
            self._reference = read_reference_once(self._dsn, at=at)
            self._read_s = now_s
        self._calls = run(self._dsn, calls_in_progress)
        self._refusals = run(self._dsn, find_refused, _REFUSALS)

    def _running(self, engine: str, call: CallInProgress, now_us: int) -> Running:
        rated = rated_now(call, self._reference, now_us) if self._reference else None
        return Running(engine=engine, call=call, rated=rated, level=level_in_force(call, rated))


def _fetched(address: str) -> str:
    """Fetch an engine's figures.

    Raises:
        ConfigError: it cannot be asked.
    """
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=_ASK_S) as answer:
            text: str = answer.read().decode()
    except (OSError, ValueError) as exc:
        reason = exc.reason if isinstance(exc, urllib.error.URLError) else exc
        raise ConfigError(f"{address} does not show its figures: {reason}") from exc
    return text
