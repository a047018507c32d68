"""What calls add to the figures: how they ended, what they cost, what destinations did.

Every label's value comes from a closed set, whatever a caller, a customer or a switch wrote.
"""

from __future__ import annotations

from collections.abc import Iterator

from callcontrol.calls.call import Try
from callcontrol.cdr import Cdr
from callcontrol.metrics import REASONS, Metrics
from dialplan import Disposition, Release, is_known_cause, outcome_of

_SECOND_US = 1_000_000


def count_refusal(release: Release, metrics: Metrics) -> None:
    """Count a call that is not put through. Switches: no."""
    metrics.calls_refused.labels(reason_of(release)).inc()


def reason_of(release: Release) -> str:
    """Name what refused a call: its rule, without what is the number's or the caller's."""
    if release.disposition is Disposition.CLOSED:
        return "closed"  # the rule names a slot or a date of the number's plan
    rule = release.rule.partition(":")[0]
    return rule if rule in REASONS else "other"


def count_try(this: Try, metrics: Metrics) -> None:
    """Count what became of each branch of a try that is over. Switches: no.

    A try that has no outcome was given up, as when its caller left.
    """
    for index, (branch, leg_uuid) in enumerate(
        zip(this.dial.branches, this.leg_uuids, strict=True)
    ):
        gateway = branch.gateway or "direct"
        attempt = this.attempt
        if attempt is None:
            outcome, cause = "abandoned", "ORIGINATOR_CANCEL"
        elif not attempt.is_answered:
            cause = (attempt.causes[index] if attempt.causes else None) or attempt.cause
            outcome = outcome_of(cause)
        elif leg_uuid == this.answered_leg or len(this.leg_uuids) == 1:
            metrics.attempts.labels(gateway, "answered").inc()
            continue
        else:
            outcome, cause = "lost_race", "LOSE_RACE"
        metrics.attempts.labels(gateway, outcome).inc()
        metrics.attempt_causes.labels(gateway, _known(cause)).inc()
    _observe_delay(this, metrics)


def tried(this: Try) -> Iterator[dict[str, str | None]]:
    """Tell of each branch of a try what may be seen of it while the call lasts."""
    for branch, leg_uuid in zip(this.dial.branches, this.leg_uuids, strict=True):
        attempt = this.attempt
        if attempt is None:
            outcome = "rings"
        elif attempt.is_answered:
            is_it = leg_uuid == this.answered_leg or len(this.leg_uuids) == 1
            outcome = "answered" if is_it else "lost_race"
        else:
            outcome = outcome_of(attempt.cause)
        yield {"target": branch.target.address, "gateway": branch.gateway, "outcome": outcome}


def _observe_delay(this: Try, metrics: Metrics) -> None:
    """Note after how long the destination rang: known of one alone, and of a first try."""
    sign_us = this.ringing_us or this.answered_us
    if sign_us is not None and len(this.dial.branches) == 1:
        metrics.post_dial_delay_seconds.labels(
            this.dial.branches[0].gateway or "direct"
        ).observe(max(0, sign_us - this.started_us) / _SECOND_US)


def count_record(cdr: Cdr, metrics: Metrics) -> None:
    """Count a call that is over. Switches: no."""
    category = cdr.category or "none"
    metrics.calls.labels(category, cdr.disposition).inc()
    metrics.calls_ended.labels(_known(cdr.hangup_cause)).inc()
    metrics.calls_closed.labels(cdr.closed_how).inc()
    if cdr.metered_us:
        metrics.metered_seconds.labels(category).inc(cdr.metered_us / _SECOND_US)
    if cdr.charge is not None:
        metrics.charge_chf.labels(category).inc(float(cdr.charge.gross))
        if cdr.charge.is_capped:
            metrics.calls_capped.labels(category).inc()
    if cdr.settlement is not None:
        metrics.share_chf.labels(category).inc(float(cdr.settlement.share))
        metrics.transport_chf.labels(category).inc(float(cdr.settlement.transport))
    if cdr.answered_us is not None and cdr.released_us is not None:
        talk_s = max(0, cdr.released_us - cdr.answered_us) / _SECOND_US
        metrics.talk_seconds.observe(talk_s)
        answered = next((one for one in cdr.attempts if one.is_answered), None)
        if answered is not None:
            metrics.gateway_talk_seconds.labels(answered.gateway or "direct").inc(talk_s)


def _known(cause: str) -> str:
    return cause if is_known_cause(cause) else "other"
