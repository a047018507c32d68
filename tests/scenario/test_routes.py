"""Where calls go when destinations are busy, silent, broken or gone."""

from __future__ import annotations


def attempts(cdr):
    """Tell a record's attempts in short."""
    return [(a["target"], a["gateway"], a["cause"], a["is_answered"]) for a in cdr["attempts"]]


def test_second_target_answers_when_first_is_busy(stack):
    """The caller hears nothing of the first; the record has both."""
    before = stack.recorded("+41900200001")

    called = stack.caller.call("0900200001")

    cdr = stack.cdr_of_new_call("+41900200001", before)
    assert called.final == 200
    assert attempts(cdr) == [
        ("+41445550201", "busy", "USER_BUSY", False),
        ("+41445550202", "answers", "NORMAL_CLEARING", True),
    ]
    assert stack.destinations["busy"].invites("+41445550201")


def test_second_target_answers_when_first_does_not(stack):
    """After the ring time of the first step the second one is rung."""
    before = stack.recorded("+41900200002")

    called = stack.caller.call("0900200002")

    cdr = stack.cdr_of_new_call("+41900200002", before)
    assert called.final == 200
    assert attempts(cdr) == [
        ("+41445550203", "rings", "ALLOTTED_TIMEOUT", False),
        ("+41445550204", "answers", "NORMAL_CLEARING", True),
    ]


def test_caller_is_released_when_every_step_fails(stack):
    """The last outcome is what the caller hears, uncharged."""
    before = stack.recorded("+41900200003")

    called = stack.caller.call("0900200003", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41900200003", before)
    assert called.final == 486
    assert (cdr["disposition"], cdr["hangup_cause"], cdr["sip_code"]) == (
        "busy",
        "USER_BUSY",
        486,
    )
    assert cdr["charge"] is None
    assert [cause for _, _, cause, _ in attempts(cdr)] == ["CALL_REJECTED", "USER_BUSY"]


def test_caller_cancels_while_it_rings(stack):
    """The destination stops ringing, the call was abandoned and costs nothing."""
    before = stack.recorded("+41900200004")

    called = stack.caller.call("0900200004", "caller-cancels", talk_ms=600)

    cdr = stack.cdr_of_new_call("+41900200004", before)
    assert called.final == 487
    assert (cdr["disposition"], cdr["released_by"]) == ("abandoned", "caller")
    assert (cdr["sip_code"], cdr["charge"]) == (487, None)


def test_destination_hangs_up(stack):
    """The caller is released at once, and the record says by whom."""
    before = stack.recorded("+41900200005")

    called = stack.caller.call("0900200005", "caller-stays")

    cdr = stack.cdr_of_new_call("+41900200005", before)
    assert called.went_as_expected
    assert (cdr["disposition"], cdr["released_by"]) == ("answered", "destination")
    assert cdr["hangup_cause"] == "NORMAL_CLEARING"


def test_next_gateway_is_tried_when_one_fails(stack):
    """A gateway out of service and one that is not there give way to the third."""
    before = stack.recorded("+41900200006")

    called = stack.caller.call("0900200006")

    cdr = stack.cdr_of_new_call("+41900200006", before)
    assert called.final == 200
    assert [(gateway, done) for _, gateway, _, done in attempts(cdr)] == [
        ("fails", False),
        ("nobody", False),
        ("answers", True),
    ]


def test_several_targets_ring_together(stack):
    """One of them being busy does not stop the other from answering."""
    before = stack.recorded("+41900200007")

    called = stack.caller.call("0900200007")

    cdr = stack.cdr_of_new_call("+41900200007", before)
    assert called.final == 200
    assert [done for _, _, _, done in attempts(cdr)] == [False, True]


def test_destination_that_does_not_exist(stack):
    """The caller is told so, in the engine's own words."""
    before = stack.recorded("+41900200008")

    called = stack.caller.call("0900200008", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41900200008", before)
    assert called.final == cdr["sip_code"]
    assert attempts(cdr) == [("+41445550212", "unknown", "UNALLOCATED_NUMBER", False)]


def test_the_destination_s_own_code_does_not_reach_the_caller(stack):
    """A server out of order (500) is a network out of order (503) to the caller."""
    before = stack.recorded("+41900200009")

    called = stack.caller.call("0900200009", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41900200009", before)
    assert called.final == cdr["sip_code"] == 503
    assert cdr["attempts"][0]["sip_code"] == 500


def test_a_destination_cannot_redirect_the_caller(stack):
    """A 302 to another number of ours is a failed try, not a new call."""
    before = stack.recorded("+41900200010")
    others = stack.recorded("+41900100001")

    called = stack.caller.call("0900200010")

    cdr = stack.cdr_of_new_call("+41900200010", before)
    assert called.final == 200
    assert [(gateway, done) for _, gateway, _, done in attempts(cdr)] == [
        ("redirects", False),
        ("answers", True),
    ]
    assert len(stack.cdrs("+41900100001")) == others


def test_both_sides_hang_up_at_the_same_moment(stack):
    """Whose BYE comes first is chance; there is one record and no leg is left."""
    before = stack.recorded("+41900200005")

    stack.caller.call("0900200005", talk_ms=100, count=20, rate=20)

    stack.wait_for_cdrs("+41900200005", before + 20)
    cdrs = stack.cdrs("+41900200005")[before:]
    assert len(cdrs) == 20
    assert {cdr["disposition"] for cdr in cdrs} == {"answered"}
    assert {cdr["released_by"] for cdr in cdrs} <= {"caller", "destination"}
