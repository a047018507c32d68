"""What a call does when its engine leaves it, or never comes."""

import pytest


def _bridged(scene, **rules):
    destination = scene.destination(".*=answer:50")
    engine = scene.attached(talk_s=None, **rules)
    engine.execute("bridge", destination.at("+4144"), uuid="b1")
    engine.wait("CHANNEL_BRIDGE")
    return engine, destination


@pytest.mark.parametrize("way", ["close", "reset", "exit"])
def test_a_bridged_call_goes_on(scene, way):
    """Mid-bridge the engine may go in any way: the call is not disturbed."""
    link = scene.link()
    link.ask("event plain CHANNEL_HANGUP_COMPLETE")
    engine, _ = _bridged(scene)
    if way == "exit":
        engine.send("exit")
    else:
        getattr(engine, way)()
    scene.pass_time(0.3)
    assert scene.calls == []

    link.api(f"uuid_kill {engine.uuid} ALLOTTED_TIMEOUT")

    assert scene.ended()["reason"] == 'SIP;cause=802;text="ALLOTTED_TIMEOUT"'
    ends = [link.wait("CHANNEL_HANGUP_COMPLETE", count) for count in (1, 2)]
    assert {end["Hangup-Cause"] for end in ends} == {"ALLOTTED_TIMEOUT", "NORMAL_CLEARING"}


@pytest.mark.parametrize("way", ["close", "reset", "exit"])
def test_a_call_without_a_bridge_goes_on_in_the_dialplan(scene, way):
    """Before any bridge the next action of the dialplan runs: the caller gets 503."""
    engine = scene.attached()
    if way == "exit":
        engine.send("exit")
    else:
        getattr(engine, way)()

    assert scene.ended()["answers"] == [100, 503]


def test_a_call_without_a_next_action_is_released(make_scene):
    """Without a next action the caller gets 480."""
    scene = make_scene(["socket ENGINE async full"])
    scene.attached().close()

    assert scene.ended()["answers"] == [100, 480]


def test_while_ringing_the_bridge_goes_on(scene):
    """An engine that leaves while it rings does not stop the answer from connecting."""
    destination = scene.destination(".*=answer:300")
    engine = scene.attached(talk_s=0.2)
    engine.execute("bridge", destination.at("+4144"))
    engine.wait("CHANNEL_PROGRESS")
    engine.close()

    assert scene.ended()["answered"]


def test_hangup_after_bridge_ends_the_caller_with_the_destination(scene):
    """When the destination hangs up the caller is released, engine or not."""
    destination = scene.destination(".*=answer:20,hangup:0.2")
    engine = scene.attached(talk_s=None)
    engine.execute("bridge", destination.at("+4144"))
    engine.wait("CHANNEL_BRIDGE")
    engine.close()

    ended = scene.ended()
    assert (ended["answered"], ended["ended_by"]) == (True, "switch")


def test_closed_before_connect_parks_the_caller(scene):
    """An engine that takes the connection and says nothing leaves the caller parked."""
    scene.call(cancel_s=0.5)
    scene.engine().close()

    assert scene.ended()["answers"] == [100, 487]


def test_park_timeout_releases_a_parked_caller(make_scene):
    """A park timeout set before the socket ends that with its cause."""
    scene = make_scene(
        ["set park_timeout=1:NORMAL_TEMPORARY_FAILURE", "socket ENGINE async full"]
    )
    scene.call()
    scene.engine().close()

    assert scene.ended()["answers"] == [100, 503]


def test_closed_before_connect_with_resume_goes_on(make_scene):
    """With socket_resume the dialplan goes on at once."""
    scene = make_scene(["set socket_resume=true", "socket ENGINE async full", "respond 503"])
    scene.call()
    scene.engine().close()

    assert scene.ended()["answers"] == [100, 503]


def test_resume_tears_a_bridge_down(make_scene):
    """With socket_resume an engine that leaves in mid-bridge takes the bridge with it."""
    scene = make_scene(["set socket_resume=true", "socket ENGINE async full", "respond 503"])
    engine, destination = _bridged(scene)
    engine.close()

    assert scene.ended()["reason"].startswith("Q.850;cause=41")
    scene.until(lambda: destination.events[-1]["event"] == "end")


def test_the_second_engine_of_a_list_is_tried(make_scene):
    """A closed port is passed over."""
    scene = make_scene(["socket 127.0.0.1:1|ENGINE async full", "respond 503"])
    engine = scene.attached()
    engine.execute("respond", "486")

    assert scene.ended()["answers"] == [100, 486]


def test_without_any_engine_the_caller_is_refused(make_scene):
    """When nobody listens the next action runs at once."""
    scene = make_scene(["socket 127.0.0.1:1|127.0.0.1:2 async full", "respond 503"])
    scene.call()

    assert scene.ended()["answers"] == [100, 503]


def test_an_engine_that_never_connects_is_left(make_scene):
    """The switch waits for the first command only so long, and then parks the caller."""
    scene = make_scene(["set park_timeout=1:NETWORK_OUT_OF_ORDER", "socket ENGINE async full"],
                       connect_patience_s=0.3)  # fmt: skip
    scene.call()
    engine = scene.engine()
    scene.until(lambda: engine.is_closed)

    assert scene.ended()["answers"] == [100, 503]
