"""What `callcontrol route` answers, in rows of a name and a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import Console
from rich.table import Table

from callcontrol.routing import rule_of
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


def print_rows(rows: Iterable[tuple[str, str]]) -> None:
    """Print rows of a name and a text below one another."""
    answer = Table.grid(padding=(0, 2))
    answer.add_column()
    answer.add_column(overflow="fold")
    for row in rows:
        answer.add_row(*row)
    Console(markup=False, highlight=False).print(answer)


def rows_of(
    decision: Decision, asked: str, caller: Caller, at: datetime, *, is_hidden: bool = False
) -> Iterator[tuple[str, str]]:
    """Tell a decision.

    Args:
        decision: what was decided.
        asked: the number as asked, shown when it is not ours.
        caller: who calls.
        at: the aware instant of the call.
        is_hidden: a withheld number is not shown, nor the pattern that blocked it.
    """
    zone = decision.number.zone if decision.number is not None else DEFAULT_ZONE
    local = wall_clock(at, zone).isoformat(" ", "seconds")
    yield "called", printed(decision.number.number) if decision.number else _shown(asked)
    hides = is_hidden and caller.withheld
    yield "caller", "withheld" if hides else _caller_text(caller)
    yield "at", f"{local} {zone.key}"
    if decision.customer is not None:
        yield "customer", decision.customer.name or decision.customer.id
    yield "rule", decision.rule if hides else rule_of(decision)
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
