"""`callcontrol route`: what would happen to a call, and which rule decides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from callcontrol.clock import SystemClock, at_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.reference import Reference
from callcontrol.reference_file import read_reference_file
from callcontrol.routing import (
    caller_from,
    decide_from,
    instant_from,
    number_called,
    route_json,
    rule_of,
)
from dialplan import (
    DEFAULT_ZONE,
    Caller,
    Decision,
    Outcome,
    Release,
    Step,
    Target,
    printed,
    sip_code_of,
    wall_clock,
)


def route(
    number: Annotated[
        str | None,
        typer.Argument(metavar="NUMBER", help="The number called, in any dialled form."),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="CALLER", help="The caller's number.")
    ] = None,
    withheld: Annotated[
        bool, typer.Option("--withheld", help="The caller withholds the number.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="When, such as 2026-08-01T10:00:00Z; without an offset it is local time of "
            "the number called. [now]",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A reference file to decide from, instead of Postgres."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            metavar="FILE",
            help="Show instead which past calls (to NUMBER, or all) this changed reference "
            "file would route differently from Postgres.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT", help="With --compare: calls from then on. [a week before]"
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="With --compare: calls before then. [now]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Show what would happen to a call, and which rule decides, as if no other were up.

    With --compare it exits 1 when a call would be routed differently.
    """
    if against is not None:
        # Imported here, so that a file can be tried where there is no database driver.
        from callcontrol.cli.route_compare import compare

        compare(against, number=number, since=since, until=until, as_json=as_json)
        return
    if number is None or from_ is None:
        raise ConfigError("say NUMBER and --from CALLER, or --compare FILE")
    now = at_of(SystemClock().now_us())
    reference = _reference(file, now)
    called = number_called(reference, number)
    zone = called.zone if called is not None else DEFAULT_ZONE
    instant = now if at is None else instant_from(at, zone)
    caller = caller_from(from_, withheld=withheld)
    decision = decide_from(reference, called=number, caller=caller, at=instant)
    if as_json:
        answer = route_json(decision, called=number, caller=caller, at=instant)
        print(json.dumps(answer, indent=2))
    else:
        _print(decision, number, caller, instant)


def _reference(file: Path | None, now: datetime) -> Reference:
    prefixes = settings().number_prefixes
    if file is not None:
        _, reference = read_reference_file(file, at=now, prefixes=prefixes)
        return reference
    # Imported here, so that a file can be tried where there is no database driver.
    from callcontrol.store.reference_rows import read_reference_once

    return read_reference_once(settings().dsn, at=now, prefixes=prefixes)


def _print(decision: Decision, asked: str, caller: Caller, at: datetime) -> None:
    answer = Table.grid(padding=(0, 2))
    answer.add_column()
    answer.add_column(overflow="fold")
    for row in _rows(decision, asked, caller, at):
        answer.add_row(*row)
    Console(markup=False, highlight=False).print(answer)


def _rows(
    decision: Decision, asked: str, caller: Caller, at: datetime
) -> Iterator[tuple[str, str]]:
    zone = decision.number.zone if decision.number is not None else DEFAULT_ZONE
    local = wall_clock(at, zone).isoformat(" ", "seconds")
    yield "called", printed(decision.number.number) if decision.number else _shown(asked)
    yield "caller", _caller_text(caller)
    yield "at", f"{local} {zone.key}"
    if decision.customer is not None:
        yield "customer", decision.customer.name or decision.customer.id
    yield "rule", rule_of(decision)
    if isinstance(decision, Release):
        yield "decision", _release_text(decision)
        return
    yield "decision", f"connect, route {decision.route.name}"
    yield "shown", decision.presentation.value
    yield "tariff", f"{decision.tariff}, level {decision.level}"
    for index, step in enumerate(decision.route.steps, start=1):
        yield f"step {index}", ", ".join(_target_text(target) for target in step.targets)
        yield "", _step_text(step, is_last=index == len(decision.route.steps))


def _shown(asked: str) -> str:
    return asked if asked.isprintable() else repr(asked)


def _caller_text(caller: Caller) -> str:
    text = printed(caller.number) if caller.number is not None else "no number"
    return f"{text}, withheld" if caller.withheld else text


def _release_text(decision: Release) -> str:
    text = f"release with {decision.cause} (SIP {sip_code_of(decision.cause)})"
    return f"{text} after the message {decision.message}" if decision.message else text


def _target_text(target: Target) -> str:
    by = f" by {' or '.join(target.gateways)}" if target.gateways else ""
    return f"{target.address}{by}"


def _step_text(step: Step, *, is_last: bool) -> str:
    text = f"{step.ring_s} s"
    if step.presentation is not None:
        text += f", shown {step.presentation.value}"
    moves_on = [outcome.value for outcome in Outcome if outcome in step.next_on]
    if not is_last:
        text += f", next on {', '.join(moves_on) or 'nothing'}"
    return text
