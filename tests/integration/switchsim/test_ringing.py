"""Ringing destinations: who answers, who does not, and what the caller gets."""

import socket

import pytest


def _outcome(scene, string, uuid="b1", **headers):
    """What the variables say after one bridge."""
    engine = scene.attached(talk_s=None, cancel_s=None)
    engine.execute("bridge", string, uuid=uuid, **headers)
    return engine, engine.wait("CHANNEL_EXECUTE_COMPLETE bridge")


@pytest.mark.parametrize(
    ("code", "cause"),
    [(404, "UNALLOCATED_NUMBER"), (486, "USER_BUSY"), (503, "NORMAL_TEMPORARY_FAILURE"),
     (603, "CALL_REJECTED"), (480, "NO_USER_RESPONSE"), (487, "ORIGINATOR_CANCEL")],
)  # fmt: skip
def test_a_refusal_is_a_disposition(scene, code, cause):
    """A destination's code becomes the disposition, and the caller stays."""
    destination = scene.destination(f".*=code:{code}")

    _, done = _outcome(scene, destination.at("+4144"))

    assert done["variable_originate_disposition"] == cause
    assert done["variable_last_bridge_proto_specific_hangup_cause"] == f"sip:{code}"
    assert done["Application-UUID"] == "b1"
    assert scene.calls == []


def test_after_a_failed_bridge_the_engine_chooses_the_answer(scene):
    """With sip_ignore_remote_cause the engine's cause decides what the caller gets."""
    destination = scene.destination(".*=code:404")
    engine, _ = _outcome(scene, destination.at("+4144"))
    engine.execute("hangup", "USER_BUSY")

    ended = scene.ended()
    assert (ended["final"], ended["reason"]) == (486, 'Q.850;cause=17;text="USER_BUSY"')


def test_a_second_bridge_after_the_first_failed(scene):
    """The next bridge is tried, and every attempt is listed with its cause."""
    busy, free = scene.destination(".*=busy"), scene.destination(".*=answer:20")
    engine = scene.attached(talk_s=0.2)
    engine.execute("bridge", f"[origination_uuid=leg-1]{busy.at('+41')}", uuid="b1")
    engine.wait("CHANNEL_EXECUTE_COMPLETE bridge")
    engine.execute("bridge", f"[origination_uuid=leg-2]{free.at('+42')}", uuid="b2")

    bridged = engine.wait("CHANNEL_BRIDGE")
    assert bridged["Other-Leg-Unique-ID"] == "leg-2"
    assert bridged["variable_originate_causes"] == "ARRAY::leg-1;USER_BUSY|:leg-2;NONE"
    assert scene.ended()["answers"] == [100, 180, 200]


def test_leg_timeout(scene):
    """A leg that rings too long is given up with ALLOTTED_TIMEOUT, and cancelled."""
    destination = scene.destination(".*=ring-only")

    _, done = _outcome(scene, "[leg_timeout=1]" + destination.at("+41"))

    assert done["variable_originate_disposition"] == "ALLOTTED_TIMEOUT"
    scene.until(lambda: destination.events[-1]["event"] == "end")
    assert destination.events[-1]["reason"] == 'SIP;cause=802;text="ALLOTTED_TIMEOUT"'


def test_leg_progress_timeout(scene):
    """A destination that says nothing is given up with PROGRESS_TIMEOUT."""
    destination = scene.destination(".*=silent")

    _, done = _outcome(scene, "{leg_progress_timeout=1}" + destination.at("+41"))

    assert done["variable_originate_disposition"] == "PROGRESS_TIMEOUT"


def test_originate_timeout(scene):
    """The timeout of the whole attempt is NO_ANSWER."""
    destination = scene.destination(".*=ring-only")

    _, done = _outcome(scene, "{originate_timeout=1}" + destination.at("+41"))

    assert done["variable_originate_disposition"] == "NO_ANSWER"


def test_a_closed_port_fails_at_once(scene):
    """ICMP makes a destination's closed port a 503 within a moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]

    _, done = _outcome(scene, f"sofia/external/+41@127.0.0.1:{port}")

    assert done["variable_originate_disposition"] == "NORMAL_TEMPORARY_FAILURE"
    assert done["variable_last_bridge_proto_specific_hangup_cause"] == "sip:503"


def test_the_first_of_several_wins(scene):
    """Rung together, the others are told that the call was completed elsewhere."""
    slow, fast = scene.destination(".*=ring-only"), scene.destination(".*=answer:50")
    engine = scene.attached(talk_s=0.1)
    engine.execute("bridge", f"{slow.at('+41')},{fast.at('+42')}")
    engine.wait("CHANNEL_BRIDGE")

    scene.until(lambda: slow.events[-1]["event"] == "end")
    assert slow.events[-1]["reason"] == 'SIP;cause=200;text="Call completed elsewhere"'
    assert scene.ended()["answered"]


def test_one_group_after_the_other(scene):
    """A bar tries the second group when the first has failed."""
    busy, free = scene.destination(".*=busy"), scene.destination(".*=answer:20")
    engine = scene.attached(talk_s=0.1)
    engine.ask("linger")
    engine.execute("bridge", f"{busy.at('+41')}|{free.at('+42')}")

    done = engine.wait("CHANNEL_EXECUTE_COMPLETE bridge")
    assert done["variable_originate_disposition"] == "SUCCESS"


def test_the_caller_gives_up_while_it_rings(scene):
    """CANCEL reaches the destination; the caller's leg ends with ORIGINATOR_CANCEL."""
    link = scene.link()
    link.ask("event plain CHANNEL_HANGUP_COMPLETE")
    link.ask("filter Call-Direction inbound")
    destination = scene.destination(".*=ring-only")
    engine = scene.attached(cancel_s=0.2)
    engine.execute("bridge", destination.at("+41"))

    ended = scene.ended()
    complete = link.wait("CHANNEL_HANGUP_COMPLETE")
    assert (ended["answers"], ended["ended_by"]) == ([100, 180, 487], "caller")
    assert complete["Hangup-Cause"] == "ORIGINATOR_CANCEL"
    assert complete["variable_sip_hangup_disposition"] == "recv_cancel"
    scene.until(lambda: destination.events[-1]["event"] == "end")
    assert destination.events[-1]["how"] == "cancel"


def test_a_redirect_is_fatal_when_told_so(scene):
    """With outbound_redirect_fatal a 302 is a failure like others."""
    destination = scene.destination(".*=code:302")

    _, done = _outcome(scene, "{outbound_redirect_fatal=true}" + destination.at("+41"))

    assert done["variable_originate_disposition"] == "REQUESTED_CHAN_UNAVAIL"


@pytest.mark.parametrize(
    ("string", "cause"),
    [
        ("sofia/internal/1@127.0.0.1", "INVALID_PROFILE"),
        ("sofia/gateway/x/1", "INVALID_GATEWAY"),
        ("nonsense/1", "CHAN_NOT_IMPLEMENTED"),
    ],
)
def test_a_string_that_makes_no_sense_fails(scene, string, cause):
    """Malformed strings fail with their cause, at once."""
    _, done = _outcome(scene, string)

    assert done["variable_originate_disposition"] == cause


def test_an_application_that_does_not_exist_ends_the_call(scene):
    """An unknown application hangs up with DESTINATION_OUT_OF_ORDER."""
    scene.attached().execute("no_such_application")

    assert scene.ended()["answers"] == [100, 502]


def test_a_locked_bridge_makes_others_wait(scene):
    """With event-lock a second bridge is tried after the first, not inside it."""
    first, second = scene.destination(".*=answer:20,hangup:0.1"), scene.destination(".*=busy")
    engine = scene.attached(talk_s=None)
    engine.execute("set", "hangup_after_bridge=false")
    engine.execute("bridge", first.at("+41"), uuid="b1", event_lock="true")
    engine.execute("bridge", second.at("+42"), uuid="b2", event_lock="true")

    ids = [
        engine.wait("CHANNEL_EXECUTE_COMPLETE bridge", n)["Application-UUID"] for n in (1, 2)
    ]
    assert ids == ["b1", "b2"]


def test_an_unlocked_bridge_rings_inside_the_first(scene):
    """Without event-lock a second bridge rings at once, and ends before the first does."""
    first, second = scene.destination(".*=ring-only"), scene.destination(".*=busy")
    engine = scene.attached(cancel_s=0.5)
    engine.execute("bridge", first.at("+41"), uuid="b1")
    engine.execute("bridge", second.at("+42"), uuid="b2")

    assert engine.wait("CHANNEL_EXECUTE_COMPLETE bridge")["Application-UUID"] == "b2"
    scene.ended()
