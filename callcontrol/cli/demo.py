"""`callcontrol demo`: the main job on an embedded default, with nothing to install or set up.

Starts a throw-away Postgres, the stand-in switch, destinations and the engine, each as its own
process, exactly as an operator would; places calls over SIP; tells them as they happen; prints
their records as read back from Postgres. Succeeds only if every call ended as announced.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from callcontrol.cli.demo_stage import Announced, Stage
from callcontrol.errors import ConfigError

_REFERENCE = Path(__file__).parents[2] / "fixtures" / "reference" / "demo.yaml"

_CALLS = (
    Announced("0800, free for the caller", "0800000001", "+41795550001", 200, "answered"),
    Announced("084x, by the second", "0844123456", "+41795550002", 200, "answered", 3),
    Announced("090x, a price for the call", "0900123456", "+41795550003", 200, "answered"),
    Announced("090x, 3.00 a minute", "0901123456", "+41795550004", 200, "answered", 4),
    Announced("busy, then a dead trunk, then answered", "0800000002", "+41795550005", 200,
              "answered"),
    Announced("a caller who withholds the number", "0901123456", "+41795550006", 200,
              "answered", 1, "id"),
    Announced("blocked by the blacklist", "0901123456", "+41795556666", 603, "blocked"),
    Announced("withheld, where that is refused", "0800000002", "+41795550007", 603,
              "rejected", 2, "id"),
    Announced("a number that nobody rents", "0900777777", "+41795550008", 404, "rejected"),
    Announced("9.90 and 10.00 a minute, to the maximum of 12.00", "0900999999",
              "+41795550009", 200, "answered", 60),
)  # fmt: skip

# Then many at once, for the figures.
_MANY = Announced("many calls, twenty a second", "0844123456", "+41795550010", 200, "answered")
_HOW_MANY = 100
_A_SECOND = 20


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")
    ] = False,
) -> None:
    """Show the main job: start everything embedded, place calls, print their records.

    Exits 0 only if every call ended as announced.
    """
    if not _REFERENCE.is_file():
        raise ConfigError(f"the demo runs from a source checkout: {_REFERENCE} is not there")
    # Whoever ends it otherwise than by Ctrl-C leaves nothing running either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(width=None if sys.stdout.isatty() else 130, highlight=False)
    with Stage(console, _REFERENCE) as stage:
        console.rule("calls, as they happen")
        ended = stage.place(_CALLS)
        records = stage.records(len(_CALLS))
        console.rule(f"{_HOW_MANY} more calls, {_A_SECOND} a second")
        ended += stage.place([_MANY] * _HOW_MANY, a_second=_A_SECOND, is_told=False)
        many = stage.records(len(_CALLS) + _HOW_MANY)
        console.rule("records, read back from Postgres")
        stage.print_records(records)
        stage.print_figures()
        faults = stage.faults(ended, many)
        for fault in faults:
            console.print(f"[red]not as announced:[/red] {fault}")
        if not faults:
            console.print(f"[green]All {len(ended)} calls ended as announced.[/green]")
        if keep:
            stage.wait_for_interrupt()
    if faults:
        raise typer.Exit(1)
