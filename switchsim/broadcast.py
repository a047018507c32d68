"""Something played into a call by others than its engine: uuid_broadcast, music on hold."""

from typing import TYPE_CHECKING

from switchsim.command_queue import Command
from switchsim.playing import began, ended, length_of

if TYPE_CHECKING:
    from switchsim.channel import Channel
    from switchsim.events import Header
    from switchsim.switch import Switch

_MADE = ("switch_ivr_async.c", "switch_ivr_broadcast", 5732)


def broadcast(
    switch: "Switch", channel: "Channel", application: str, data: str, *, is_music: bool = False
) -> None:
    """Runs an application on one leg, inside whatever the leg does.

    Args:
        switch: the switch.
        channel: the leg.
        application: its name.
        data: its argument.
        is_music: on hold: without end, and before anything else.
    """
    told: list[tuple[str, str]] = [
        ("call-command", "execute"),
        ("execute-app-name", application),
        ("execute-app-arg", data),
    ]
    told += [("event-lock-pri" if is_music else "event-lock", "true")]
    told += [("lead-frames", "5")]
    told += [("loops", "-1")] if is_music else []
    switch.bus.wanted("COMMAND", channel.uuid)
    head = switch.bus.head("COMMAND", channel.now_us, _MADE)
    command = Command(fields=dict(told), prefix=(*head, *told))
    session = switch.session(channel.uuid)
    if session is not None:
        session.enqueue(command)
    else:
        switch.loop.at_tick(lambda: _play_to_destination(switch, channel, command))


def _play_to_destination(switch: "Switch", channel: "Channel", command: Command) -> None:
    """A destination's leg has no queue of its own here: it plays at once."""
    if not channel.is_up:
        return
    application = command.get("execute-app-name")
    data = command.get("execute-app-arg")
    put = channel.variables.set
    put("current_loop", "1")
    put("total_loops", command.get("loops") or "1")
    put("current_application", application)
    put("current_application_data", data)
    put("current_application_response", None)
    channel.last_application = (application, data)
    identity = ("Application-UUID", switch.new_uuid())
    shown: list[Header] = [("Application", application), ("Application-Data", data)]
    channel.fire("CHANNEL_EXECUTE", after=[*shown, identity])
    seconds = length_of(data)
    if seconds is not None:
        began(channel, data)

    def played() -> None:
        response = "FILE NOT FOUND"
        if seconds is not None:
            response = "FILE PLAYED"
            ended(channel, data, played_ms=round(seconds * 1000), is_cut=not channel.is_up)
        put("current_application_response", response)
        after = [*shown, ("Application-Response", response), identity]
        channel.fire("CHANNEL_EXECUTE_COMPLETE", after=after)
        put("current_loop", None)
        put("total_loops", None)
        channel.fire("PRIVATE_COMMAND", prefix=command.prefix)

    if seconds is None:
        played()
    else:
        switch.loop.later(seconds, played)
