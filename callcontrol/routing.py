"""What would happen to a call: the decision from a reference, and its JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from callcontrol.clock import text_of, us_of
from callcontrol.errors import ConfigError
from callcontrol.reference import Reference
from dialplan import (
    DEFAULT_ZONE,
    Caller,
    Connect,
    Decision,
    Disposition,
    Outcome,
    Release,
    Scope,
    ServiceNumber,
    Step,
    decide,
    none_in_progress,
    parse_number_or_none,
)

NO_TARIFF = "no tariff in force"


def decide_from(
    reference: Reference,
    *,
    called: str,
    caller: Caller,
    at: datetime,
    in_progress: Callable[[Scope], int] = none_in_progress,
) -> Decision:
    """Decide a call, and refuse what could not be metered.

    A call is never connected without the tariff that prices it. Otherwise as `dialplan.decide`.
    """
    decision = decide(
        reference.directory, called=called, caller=caller, at=at, in_progress=in_progress
    )
    if isinstance(decision, Connect) and reference.tariff_at(decision.tariff, at) is None:
        return Release(
            rule=NO_TARIFF,
            cause="NETWORK_OUT_OF_ORDER",
            disposition=Disposition.FAILED,
            number=decision.number,
            customer=decision.customer,
        )
    return decision


def number_called(reference: Reference, called: str) -> ServiceNumber | None:
    """Find the service number that text in any dialled form means, if there is one."""
    directory = reference.directory
    dialled = parse_number_or_none(called, prefixes=directory.prefixes)
    return directory.numbers.get(dialled) if dialled is not None else None


def caller_from(text: str, *, withheld: bool) -> Caller:
    """Make the caller whose trunk tells this text; what is no number leaves none."""
    return Caller(raw=text, number=parse_number_or_none(text), withheld=withheld)


def instant_from(text: str, zone: ZoneInfo = DEFAULT_ZONE) -> datetime:
    """Read an instant; without an offset of its own it is wall time in the zone.

    Returns:
        The instant in UTC. Of an hour that comes twice, the first; one that a clock change
        skips is read as if the clock had not been changed yet.

    Raises:
        ConfigError: it is no instant of the years 1 to 9999.
    """
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"--at: {text[:64]!r} is not an instant such as 2026-08-01T10:00:00Z"
        ) from None


def route_json(
    decision: Decision, *, called: str, caller: Caller, at: datetime
) -> dict[str, object]:
    """Write a decision as `callcontrol route --json` prints it.

    Args:
        decision: what was decided.
        called: the number as asked, shown when it is not ours.
        caller: who calls.
        at: the aware instant of the call.
    """
    number = decision.number
    written: dict[str, object] = {
        "number": number.number if number is not None else called,
        "caller": caller.number,
        "withheld": caller.withheld,
        "at": text_of(us_of(at)),
        "decision": "connect" if isinstance(decision, Connect) else "release",
        "rule": rule_of(decision),
        "customer": decision.customer.id if decision.customer is not None else None,
    }
    if isinstance(decision, Connect):
        return written | {
            "cause": None,
            "disposition": None,
            "message": None,
            "route": decision.route.name,
            "limit_s": decision.route.limit_s,
            "steps": [_step_json(step) for step in decision.route.steps],
            "presentation": decision.presentation.value,
            "tariff": decision.tariff,
            "level": decision.level,
        }
    return written | {
        "cause": decision.cause,
        "disposition": decision.disposition.value,
        "message": decision.message,
        "route": None,
        "limit_s": None,
        "steps": [],
        "presentation": None,
        "tariff": None,
        "level": None,
    }


def rule_of(decision: Decision) -> str:
    """Give the rule as the operator may read it: with the pattern that blocked, in full.

    The decision's own rule, which customers read, hides it when the caller is withheld.
    """
    entry = decision.entry if isinstance(decision, Release) else None
    return f"blacklist:{entry.pattern}" if entry is not None else decision.rule


def _step_json(step: Step) -> dict[str, object]:
    written: dict[str, object] = {
        "targets": [target.address for target in step.targets],
        "ring_s": step.ring_s,
        "next_on": [outcome.value for outcome in Outcome if outcome in step.next_on],
    }
    if step.presentation is not None:
        written["presentation"] = step.presentation.value
    return written
