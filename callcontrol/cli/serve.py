"""`callcontrol serve`: the engine."""

from __future__ import annotations

import atexit
import gc
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import gevent
import typer
from gevent.event import Event as Signal
from structlog.typing import FilteringBoundLogger

from callcontrol import logs
from callcontrol.cdr.absorb import absorb, left_behind
from callcontrol.config import Settings, described, settings
from callcontrol.errors import CallControlError
from callcontrol.log_stream import LogStream


def _settings_listed() -> str:
    width = max(len(name) for name, _, _ in described())
    rows = (f"{name:<{width}}  {text} [{default}]" for name, text, default in described())
    # \b keeps the command line's formatter from joining the lines.
    return "\b\nSettings, from the environment, .env or callcontrol.toml:\n" + "\n".join(rows)


app = typer.Typer(rich_markup_mode=None)


_INTERNAL = typer.Option(hidden=True)

# After so many new objects the garbage collector looks at the youngest, after so many such
# looks at older ones, after so many of those at all. What a call makes goes with the call,
# without it; with Python's own (700, 10, 10) it takes a twelfth of what calls cost. A look at
# all there is takes half a second with ten thousand calls up, in which nobody gets his turn.
_COLLECTING = (10_000, 10, 1_000)


@app.callback(invoke_without_command=True, epilog=_settings_listed())
def serve(
    workers: Annotated[
        int,
        typer.Option(min=1, max=64, help="Processes that share the work, as one service."),
    ] = 1,
    worker: Annotated[int | None, _INTERNAL] = None,
    port_fd: Annotated[int, _INTERNAL] = -1,
    figures: Annotated[Path, _INTERNAL] = Path(),
    seat: Annotated[int, _INTERNAL] = 0,
) -> None:
    """Run the engine: take calls from the switch, meter them, record them.

    SIGTERM and SIGINT stop it politely: no new calls, those being set up are finished. SIGHUP
    changes nothing, unless there are several workers.

    With several workers, a second of these signals stops it at once; SIGHUP replaces the
    workers one after the other, without a call being refused; one that dies is replaced and
    its calls are taken over. Limits of calls and the figures are those of all together. The
    first worker has the journal and the name that are set, the others `journal.2.sqlite`,
    `name.2` and so on.
    """
    gc.set_threshold(*_COLLECTING)
    chosen = settings()
    stream = LogStream(sys.stderr.fileno(), later=_soon())
    atexit.register(stream.write_out)
    log = logs.configure(chosen.log_level, stream=stream).bind(engine=chosen.engine)
    # Each imported where it is used: a supervisor does without the engine, half its memory.
    if worker is not None:
        from callcontrol.workers.inside import serve_as_worker

        serve_as_worker(chosen, log, worker, port_fd=port_fd, figures=figures, seat=seat)
        return
    _absorb_journals(chosen, workers, log)
    if workers > 1:
        from callcontrol.workers.supervisor import Supervisor

        if not Supervisor(chosen, workers, log=log).run():
            raise typer.Exit(1)
    else:
        _serve_alone(chosen, log)


def _soon() -> Callable[[Callable[[], None]], object]:
    """Give what has the hub run a function before it waits again; any thread may ask."""
    loop, ours = gevent.get_hub().loop, threading.get_ident()

    def soon(function: Callable[[], None]) -> None:
        is_ours = threading.get_ident() == ours
        ask = loop.run_callback if is_ours else loop.run_callback_threadsafe
        with suppress(ValueError):  # the hub is gone: it is done at the very end
            ask(function)

    return soon


def _absorb_journals(chosen: Settings, workers: int, log: FilteringBoundLogger) -> None:
    """See to what workers have left that there are no longer."""
    for left in left_behind(chosen.journal, workers):
        try:
            entries = absorb(left, chosen.journal)
        except CallControlError as exc:
            log.warning("journal_left_alone", journal=str(left), reason=str(exc))
        else:
            log.info("journal_absorbed", journal=str(left), entries=entries)


def _serve_alone(chosen: Settings, log: FilteringBoundLogger) -> None:
    from callcontrol.wiring import Process

    process = Process(chosen, log=log)
    process.start()
    stop = Signal()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    # Without a handler of its own it would end the process, and not politely.
    gevent.signal_handler(signal.SIGHUP, log.info, "settings_are_read_at_the_start")
    stop.wait()
    process.stop()
