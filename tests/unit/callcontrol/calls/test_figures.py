"""Tests of callcontrol.calls.figures."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from callcontrol.calls.call import LegUuid, Try
from callcontrol.calls.figures import count_record, count_refusal, count_try, reason_of
from callcontrol.cdr.record import CdrAttempt, CdrSettlement
from callcontrol.metrics import Metrics
from dialplan import Attempt, Branch, Dial, Disposition, Presentation, Release, Target
from tests.cdr_builders import make_cdr

LEGS = (LegUuid("leg-1"), LegUuid("leg-2"))
START_US = 1_800_000_000_000_000


@pytest.fixture
def metrics():
    return Metrics()


def value(metrics, name, **labels):
    """Give a series' value, 0 when it does not exist."""
    return metrics.registry.get_sample_value(f"callcontrol_{name}", labels) or 0


def make_try(*gateways, **changed):
    """Make a try of targets that ring together, each through a gateway."""
    branches = tuple(
        Branch(
            target=Target(kind="pstn", address="+41445550190", gateways=(gateway or "x",)),
            gateway=gateway,
        )
        for gateway in gateways
    )
    dial = Dial(step=0, branches=branches, ring_s=25, presentation=Presentation("caller"))
    made = Try(dial=dial, leg_uuids=LEGS[: len(branches)], started_us=START_US)
    for name, one in changed.items():
        setattr(made, name, one)
    return made


def failed(made, *causes):
    """Have a try fail, each branch with a cause of its own."""
    made.attempt = Attempt(dial=made.dial, cause=causes[0], causes=causes)
    return made


def answered(made, leg):
    """Have a leg answer after three seconds."""
    made.attempt = Attempt(dial=made.dial, cause="SUCCESS", is_answered=True)
    made.answered_leg, made.answered_us = leg, START_US + 3_000_000
    return made


class TestTries:
    def test_only_one_of_two_that_rang_together_answered(self, metrics):
        """The other lost a race: it was not answered, and is no failure of its gateway."""
        count_try(answered(make_try("a", "b"), LEGS[1]), metrics)

        assert value(metrics, "attempts_total", gateway="b", outcome="answered") == 1
        assert value(metrics, "attempts_total", gateway="a", outcome="answered") == 0
        assert value(metrics, "attempts_total", gateway="a", outcome="lost_race") == 1

    def test_each_branch_fails_for_its_own_reason(self, metrics):
        """One is busy, the other does not answer."""
        count_try(failed(make_try("a", "b"), "USER_BUSY", "NO_ANSWER"), metrics)

        assert value(metrics, "attempts_total", gateway="a", outcome="busy") == 1
        assert value(metrics, "attempts_total", gateway="b", outcome="no_answer") == 1
        assert value(metrics, "attempt_causes_total", gateway="b", cause="NO_ANSWER") == 1

    def test_a_caller_who_leaves(self, metrics):
        """A try without an end counts for its gateway, or the ratio were too good."""
        count_try(make_try("a"), metrics)

        assert value(metrics, "attempts_total", gateway="a", outcome="abandoned") == 1

    def test_without_a_gateway(self, metrics):
        """A SIP URI reached directly."""
        count_try(answered(make_try(None), LEGS[0]), metrics)

        assert value(metrics, "attempts_total", gateway="direct", outcome="answered") == 1

    def test_post_dial_delay_is_until_it_rings(self, metrics):
        """Not until it answers, where it rang before."""
        count_try(answered(make_try("a", ringing_us=START_US + 700_000), LEGS[0]), metrics)

        assert value(metrics, "post_dial_delay_seconds_sum", gateway="a") == pytest.approx(0.7)

    def test_post_dial_delay_without_ringing(self, metrics):
        """It answers at once: that is its first sign of life."""
        count_try(answered(make_try("a"), LEGS[0]), metrics)

        assert value(metrics, "post_dial_delay_seconds_sum", gateway="a") == pytest.approx(3)

    def test_a_cause_nobody_knows(self, metrics):
        """Whatever the switch invents, the label stays within its set."""
        count_try(failed(make_try("a"), "CAUSE_OF_TOMORROW"), metrics)

        assert value(metrics, "attempt_causes_total", gateway="a", cause="other") == 1


class TestRefusals:
    @pytest.mark.parametrize(
        ("rule", "disposition", "reason"),
        [
            ("blacklist:+4179*", Disposition.BLOCKED, "blacklist"),
            ("weekly:mon-fri 08:00-18:00", Disposition.CLOSED, "closed"),
            ("limit", Disposition.BUSY, "limit"),
            ("+41795550001 is not liked", Disposition.REJECTED, "other"),
        ],
    )
    def test_reason(self, metrics, rule, disposition, reason):
        """Never what the rule says of a number or of a caller."""
        release = Release(rule=rule, cause="CALL_REJECTED", disposition=disposition)
        count_refusal(release, metrics)

        assert reason_of(release) == reason
        assert value(metrics, "calls_refused_total", reason=reason) == 1


class TestRecords:
    def test_money_and_time(self, metrics):
        """What the caller owes, what is the customer's, how long the gateway carried it."""
        cdr = make_cdr()
        cdr = replace(
            cdr,
            answered_us=START_US,
            released_us=START_US + 90_000_000,
            attempts=(
                CdrAttempt(step=1, target="+41445550190", started_us=START_US, gateway="a"),
                CdrAttempt(
                    step=2,
                    target="+41445550190",
                    started_us=START_US,
                    gateway="b",
                    is_answered=True,
                ),
            ),
            settlement=CdrSettlement(
                share=Fraction(9, 4),
                transport=Fraction(1, 2),
                payout=Fraction(7, 4),
                kind="fixed",
            ),
        )
        assert cdr.charge is not None
        cdr = replace(cdr, charge=replace(cdr.charge, gross=Decimal("4.50"), is_capped=True))
        count_record(cdr, metrics)

        category = {"category": cdr.category}
        assert value(metrics, "charge_chf_total", **category) == 4.5
        assert value(metrics, "share_chf_total", **category) == 2.25
        assert value(metrics, "transport_chf_total", **category) == 0.5
        assert value(metrics, "calls_capped_total", **category) == 1
        assert value(metrics, "gateway_talk_seconds_total", gateway="b") == 90
        assert value(metrics, "gateway_talk_seconds_total", gateway="a") == 0
        assert value(metrics, "talk_seconds_sum") == 90

    def test_a_call_to_no_number_of_ours(self, metrics):
        """It is counted, under its cause, and costs nothing."""
        cdr = replace(
            make_cdr(),
            category=None,
            charge=None,
            settlement=None,
            answered_us=None,
            metered_us=0,
            disposition="rejected",
            hangup_cause="UNALLOCATED_NUMBER",
            closed_how="reconciled",
        )
        count_record(cdr, metrics)

        assert value(metrics, "calls_total", category="none", disposition="rejected") == 1
        assert value(metrics, "calls_ended_total", cause="UNALLOCATED_NUMBER") == 1
        assert value(metrics, "calls_closed_total", how="reconciled") == 1
        assert value(metrics, "charge_chf_total", category="none") == 0
