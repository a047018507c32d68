"""`callcontrol serve`: the engine."""

from __future__ import annotations

import signal

import gevent
import typer

from callcontrol import logs
from callcontrol.config import described, settings
from callcontrol.wiring import Process


def _settings_listed() -> str:
    width = max(len(name) for name, _, _ in described())
    rows = (f"{name:<{width}}  {text} [{default}]" for name, text, default in described())
    # \b keeps the command line's formatter from joining the lines.
    return "\b\nSettings, from the environment, .env or callcontrol.toml:\n" + "\n".join(rows)


app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True, epilog=_settings_listed())
def serve() -> None:
    """Run the engine: take calls from the switch, meter them, record them.

    SIGTERM and SIGINT stop it politely: no new calls, those being set up are finished.
    """
    chosen = settings()
    process = Process(chosen, log=logs.configure(chosen.log_level))
    process.start()
    stop = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    stop.wait()
    process.stop()
