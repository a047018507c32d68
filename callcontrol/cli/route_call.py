"""`callcontrol route --call`: why a recorded call went as it did, and how it would go now."""

from __future__ import annotations

import json
from collections.abc import Iterator

import typer

from callcontrol.cdr import CallId, Cdr, received_us_of
from callcontrol.cli.route_answer import print_rows, rows_of
from callcontrol.clock import SystemClock, at_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.routing import PastCall, Rerouted, decide_from, rerouted, route_json
from callcontrol.store import run
from callcontrol.store.cdr_table import find_cdr
from callcontrol.store.reference_past import read_built_at
from callcontrol.store.reference_rows import read_reference_once
from dialplan import E164, LIMIT, Caller, Decision

# What refuses a call and is no part of the reference.
_OF_THE_MOMENT = (LIMIT, "overload", "no link to the switch", "journal failing")


def explain(call_id: str, *, as_json: bool) -> None:
    """Decide a recorded call by what was configured then, and by what is now; print both.

    A withheld number is not shown.

    Args:
        call_id: of the record.
        as_json: print one JSON object.

    Raises:
        typer.Exit: 1, the record says something else, or it would go differently now.
        ConfigError: there is no such record, or the history does not reach back to it.
    """
    cdr = _record(call_id)
    call = PastCall(
        call_id=cdr.call_id,
        called=cdr.dialled,
        caller=Caller(
            raw=cdr.caller_raw,
            number=None if cdr.caller is None else E164(cdr.caller),
            withheld=cdr.caller_withheld,
        ),
        at=at_of(cdr.received_us),
    )
    dsn, prefixes = settings().dsn, settings().number_prefixes
    then = read_built_at(dsn, at=call.at, prefixes=prefixes).reference
    now = read_reference_once(dsn, at=at_of(SystemClock().now_us()), prefixes=prefixes)
    decision = decide_from(then, called=call.called, caller=call.caller, at=call.at)
    changed = next(rerouted([call], then, now), None)
    is_explained = cdr.rule == decision.rule or cdr.rule in _OF_THE_MOMENT
    if as_json:
        print(json.dumps(_json(cdr, call, decision, changed, is_explained), indent=2))
    else:
        told = rows_of(decision, call.called, call.caller, call.at, is_hidden=True)
        print_rows((*told, *_comparison(cdr, changed, is_explained=is_explained)))
    if changed is not None or not is_explained:
        raise typer.Exit(1)


def _record(call_id: str) -> Cdr:
    try:
        wanted = CallId(call_id)
        received_us_of(wanted)
        cdr = run(settings().dsn, find_cdr, wanted)
    except (ValueError, OverflowError):
        raise ConfigError(f"--call: {call_id[:64]!r} is not the id of a call") from None
    if cdr is None:
        raise ConfigError(f"--call: there is no record of {call_id}")
    return cdr


def _comparison(
    cdr: Cdr, changed: Rerouted | None, *, is_explained: bool
) -> Iterator[tuple[str, str]]:
    yield "recorded", f"{cdr.rule}: {cdr.disposition}, {cdr.hangup_cause}"
    if cdr.rule in _OF_THE_MOMENT:
        yield "", "which depended on more than what was configured"
    elif not is_explained:
        yield "", "which is not what was configured: a change that had not arrived yet?"
    if changed is None:
        yield "now", "the same"
    else:
        for index, (name, (before, after)) in enumerate(changed.differs.items()):
            yield "" if index else "now", f"{name}: {before}, now {after}"


def _json(
    cdr: Cdr,
    call: PastCall,
    decision: Decision,
    changed: Rerouted | None,
    is_explained: bool,
) -> dict[str, object]:
    answer = route_json(decision, called=call.called, caller=call.caller, at=call.at)
    if call.caller.withheld:
        answer |= {"caller": None, "rule": decision.rule}
    return answer | {
        "call_id": cdr.call_id,
        "recorded": {
            "rule": cdr.rule,
            "disposition": cdr.disposition,
            "hangup_cause": cdr.hangup_cause,
        },
        "is_explained": is_explained,
        "now": {
            name: {"before": before, "after": after}
            for name, (before, after) in (changed.differs if changed else {}).items()
        },
    }
