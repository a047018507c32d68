"""What would happen to a call: the decision, its JSON, and what another reference changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
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
    Directory,
    Disposition,
    Gateway,
    Outcome,
    Presentation,
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


def instant_from(text: str, zone: ZoneInfo = DEFAULT_ZONE, *, option: str = "--at") -> datetime:
    """Read an instant; without an offset of its own it is wall time in the zone.

    Args:
        text: in ISO 8601.
        zone: of wall time.
        option: what the operator gave it with, for the error.

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
            f"{option}: {text[:64]!r} is not an instant such as 2026-08-01T10:00:00Z"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """What of a call's record decides it again.

    Attributes:
        call_id: its id.
        called: the number as it was dialled.
        caller: who called.
        at: when it was received, aware.
    """

    call_id: str
    called: str
    caller: Caller
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerouted:
    """A call that two references decide differently.

    Attributes:
        call: the call.
        before, after: the two decisions.
        differs: what somebody could notice, such as `targets`, with its text before and after.
    """

    call: PastCall
    before: Decision
    after: Decision
    differs: Mapping[str, tuple[str, str]]


def rerouted(
    calls: Iterable[PastCall], before: Reference, after: Reference
) -> Iterator[Rerouted]:
    """Decide past calls by two references, each as if no other were up; give what differs.

    Another rule, or another name of a route, is no difference as long as nobody notices it.
    """
    for call in calls:
        old, new = (
            decide_from(reference, called=call.called, caller=call.caller, at=call.at)
            for reference in (before, after)
        )
        differs = _differences(
            noticeable(old, before.directory), noticeable(new, after.directory)
        )
        if differs:
            yield Rerouted(call=call, before=old, after=new, differs=differs)


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    names = (*old, *(name for name in new if name not in old))
    if old["decision"] != new["decision"]:
        names = ("decision", "targets", "message")
    both = {name: (old.get(name, "none"), new.get(name, "none")) for name in names}
    return {name: (one, other) for name, (one, other) in both.items() if one != other}


def noticeable(decision: Decision, directory: Directory) -> dict[str, str]:
    """Write down whatever of a decision a caller, a destination or a bill can tell."""
    if isinstance(decision, Release):
        return {
            "decision": f"release with {decision.cause}",
            "message": decision.message or "none",
        }
    number, steps = decision.number, decision.route.steps
    names = dict.fromkeys(
        name for step in steps for target in step.targets for name in target.gateways
    )
    return {
        "decision": "connect",
        "targets": " / ".join(
            ", ".join(" by ".join((t.address, *t.gateways)) for t in step.targets)
            for step in steps
        ),
        "gateways": ", ".join(_gateway_text(directory.gateways[name]) for name in names),
        "ringing": " / ".join(map(_ringing_text, steps)) + f", {decision.route.limit_s} s",
        "shown": " / ".join(
            _shown_text(step.presentation or decision.presentation, number) for step in steps
        ),
        "price": f"{decision.tariff}, level {decision.level}",
        "message": number.failed_message or "none",
    }


def _gateway_text(gateway: Gateway) -> str:
    address = f"{gateway.name} {gateway.transport}:{gateway.host}:{gateway.port}"
    form = f"{gateway.prefix}{gateway.number_format}"
    return f"{address} {form}{' trusted' if gateway.trusted else ''}"


def _ringing_text(step: Step) -> str:
    moves_on = [outcome.value for outcome in Outcome if outcome in step.next_on]
    return f"{step.ring_s} s, next on {', '.join(moves_on) or 'nothing'}"


def _shown_text(presentation: Presentation, number: ServiceNumber) -> str:
    if presentation is Presentation.FIXED:
        return f"fixed {number.fixed_number}"
    return presentation.value
