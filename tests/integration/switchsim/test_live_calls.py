"""Running calls, seen and commanded over a connection to the event socket."""

import json
import wave

import pytest


@pytest.fixture
def talking(scene):
    """A call that talks, its destination, and a link that sees both."""
    link = scene.link()
    link.ask("event plain CHANNEL_HANGUP_COMPLETE CHANNEL_ANSWER DTMF")
    destination = scene.destination(r"\+41=answer:20", r"\+42=answer:20,digits:7*#")
    engine = scene.attached(talk_s=None)

    def bridge(user="+41", variables=""):
        engine.execute("bridge", variables + destination.at(user))
        engine.wait("CHANNEL_BRIDGE")
        engine.close()
        return engine.uuid, link, destination

    return bridge


def test_a_scheduled_hangup_ends_the_call(scene, talking):
    """sched_hangup ends the call in whole clock seconds, up to one early."""
    uuid, link, _ = talking()

    assert link.api(f"sched_hangup +2 {uuid} allotted_timeout") == "+OK\n"
    ended = scene.ended()
    assert ended["reason"] == 'SIP;cause=802;text="ALLOTTED_TIMEOUT"'
    assert 900 < ended["talk_ms"] < 2300


def test_a_deleted_hangup_does_not_fire(scene, talking):
    """sched_del drops what was scheduled; +1 might have fired before it came."""
    uuid, link, _ = talking()
    link.api(f"sched_hangup +2 {uuid}")

    assert link.api(f"sched_del {uuid}") == "+OK Deleted: 1\n"
    scene.pass_time(2.2)
    assert scene.calls == []


def test_the_switch_itself_holds_a_hangup_from_the_answer_on(scene):
    """Every variable that starts with api_on_answer runs; +1 might fire before the bridge."""
    destination = scene.destination(".*=answer:20")
    engine = scene.attached(talk_s=None)
    hooks = ",".join(
        f"api_on_answer_{n}='sched_hangup +{n} {engine.uuid} allotted_timeout'" for n in (2, 30)
    )
    engine.execute("bridge", f"{{{hooks}}}{destination.at('+41')}")
    engine.wait("CHANNEL_BRIDGE")
    engine.close()

    assert scene.ended()["reason"] == 'SIP;cause=802;text="ALLOTTED_TIMEOUT"'


def test_the_destinations_digits_are_its_own_events(scene, talking):
    """INFO of the destination makes DTMF events of its leg, which name the caller's leg."""
    uuid, link, _ = talking("+42")

    digits = [link.wait("DTMF", count) for count in (1, 2, 3)]
    assert [digit["DTMF-Digit"] for digit in digits] == ["7", "*", "#"]
    assert {digit["Other-Leg-Unique-ID"] for digit in digits} == {uuid}
    assert {digit["Call-Direction"] for digit in digits} == {"outbound"}
    assert digits[0]["DTMF-Duration"] == "1280"
    assert not any(name.startswith("variable_") for name in digits[0])


def test_the_callers_digits_reach_the_destination(scene):
    """INFO of the caller makes a DTMF event and goes on to the destination."""
    link = scene.link()
    link.ask("event plain DTMF")
    destination = scene.destination(".*=answer:20")
    engine = scene.attached(talk_s=1.0, digits="5")
    engine.execute("bridge", destination.at("+41"))

    assert link.wait("DTMF")["DTMF-Digit"] == "5"
    scene.until(lambda: any(line["event"] == "info" for line in destination.events))


def test_variables_set_in_the_call_come_back_at_its_end(scene, talking):
    """What a link sets on the caller's leg is in its last event."""
    uuid, link, _ = talking()
    assert link.api(f"uuid_setvar_multi {uuid} cc_owner=one;cc_level=7") == "+OK\n"
    link.api(f"uuid_kill {uuid}")

    ends = [link.wait("CHANNEL_HANGUP_COMPLETE", count) for count in (1, 2)]
    mine = next(end for end in ends if end["Unique-ID"] == uuid)
    assert (mine["variable_cc_owner"], mine["variable_cc_level"]) == ("one", "7")
    assert int(mine["variable_billusec"]) > 0


def test_calls_are_listed(scene, talking):
    """Channels, calls and one channel's data are shown as JSON."""
    uuid, link, _ = talking()

    channels = json.loads(link.api("show channels as json"))
    calls = json.loads(link.api("show calls as json"))
    dump = json.loads(link.api(f"uuid_dump {uuid} json"))

    assert channels["row_count"] == 2
    assert [row["direction"] for row in channels["rows"]] == ["inbound", "outbound"]
    assert calls["rows"][0]["uuid"] == uuid
    assert calls["rows"][0]["b_uuid"] == dump["Other-Leg-Unique-ID"]
    assert dump["Answer-State"] == "answered"
    assert link.api(f"uuid_exists {uuid}") == "true"


def test_a_job_in_the_background(scene):
    """Bgapi answers at once and reports in an event."""
    link = scene.link()
    link.ask("event plain BACKGROUND_JOB")
    link.ask("bgapi create_uuid\nJob-UUID: 4711")

    assert link.wait("BACKGROUND_JOB")["Job-UUID"] == "4711"


def test_a_broadcast_plays_to_the_caller(scene):
    """uuid_broadcast runs inside the bridge, which survives it."""
    destination = scene.destination(".*=answer:20")
    link = scene.link()
    engine = scene.attached(talk_s=1.5)
    engine.execute("bridge", destination.at("+41"))
    engine.wait("CHANNEL_BRIDGE")

    played = link.api(f"uuid_broadcast {engine.uuid} tone_stream://%(100,50,440) aleg")
    assert played == "+OK Message sent\n"
    assert (
        engine.wait("CHANNEL_EXECUTE_COMPLETE playback")["Application-Response"]
        == "FILE PLAYED"
    )
    assert scene.ended()["ended_by"] == "caller"


def test_a_file_is_played_to_a_caller_who_is_not_answered(scene, tmp_path):
    """In early media, for as long as it is; one that is not there is not found."""
    prompt = tmp_path / "prompt.wav"
    with wave.open(str(prompt), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 4000))
    engine = scene.attached()

    engine.execute("playback", str(prompt))
    played = engine.wait("CHANNEL_EXECUTE_COMPLETE playback")
    engine.execute("playback", "/nowhere/prompt.wav")
    missing = engine.wait("CHANNEL_EXECUTE_COMPLETE playback", 2)

    assert played["Application-Response"] == "FILE PLAYED"
    assert played["Answer-State"] == "early"
    assert 500 <= int(played["variable_playback_ms"]) < 600
    assert missing["Application-Response"] == "FILE NOT FOUND"


def test_a_call_is_fetched_back(scene, talking):
    """uuid_transfer takes a bridged caller to the dialplan: a new connection, same id."""
    uuid, link, destination = talking()

    assert link.api(f"uuid_transfer {uuid} 0900123456 XML public") == "+OK\n"
    engine = scene.engine(2)
    engine.ask("connect")
    assert f"Unique-ID: {uuid}" in engine.replies[0]
    assert "Answer-State: answered" in engine.replies[0]
    scene.until(lambda: destination.events[-1]["event"] == "end")
    engine.execute("hangup")
    scene.ended()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("uuid_kill nobody", "-ERR No such channel!\n"),
        ("uuid_getvar nobody x", "-ERR No such channel!\n"),
        ("sched_hangup", "-USAGE: [+]<time> <uuid> [<cause>]\n"),
        ("uuid_broadcast nobody x", "-ERR invalid uuid\n"),
        ("show channels as json", '{"row_count": 0}\n'),
        ("show calls count", "\n0 total.\n"),
        ("nonsense", "-ERR nonsense Command not found!\n"),
        ("eval ${nothing}", "-ERR no reply\n"),
        ("global_getvar local_ip_v4", "127.0.0.1"),
    ],
)
def test_what_the_api_says(scene, command, answer):
    """Words and newlines are the switch's own."""
    assert scene.link().api(command) == answer
