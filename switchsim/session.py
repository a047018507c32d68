"""The caller's leg at work: its dialplan, the applications it runs, and its end.

Strategy: FreeSWITCH gives every call a thread that runs one application after the other and
looks at its command queue every 20 ms. Here that thread is a generator. It yields to wait for
the next tick on which something happened (`poke`), or for a number of seconds; commands that
arrive while an application waits are run inside it, exactly as the switch nests them.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from switchsim.calling import CallingLeg
from switchsim.causes import reason_of, sip_code_of
from switchsim.cdr_csv import write_line
from switchsim.channel import Channel
from switchsim.command_queue import Command, CommandQueue, Steps
from switchsim.dialplan import Action
from switchsim.loop import Timer
from switchsim.media import open_media
from switchsim.variables import expand, leading_number

if TYPE_CHECKING:
    from switchsim.connection import Connection
    from switchsim.switch import Switch

log = logging.getLogger(__name__)

# What the variables say when the caller ends a call: status, cause, sip_term_cause.
_ENDINGS = {
    "cancel": ("487", "ORIGINATOR_CANCEL", "487", "recv_cancel"),
    "bye": ("200", "NORMAL_CLEARING", "16", "recv_bye"),
    "no ack": ("408", "RECOVERY_ON_TIMER_EXPIRE", "102", "send_bye"),
}
_RESPONSE = "current_application_response"
# Before the answer they open early media, before anything is told of them.
_NEEDS_MEDIA = {"playback", "play_and_get_digits"}


class Session:
    """One call of a caller from its INVITE to its last event."""

    def __init__(self, switch: "Switch", channel: Channel, leg: CallingLeg) -> None:
        self.switch = switch
        self.channel = channel
        self.leg = leg
        self.queue = CommandQueue(self)
        self.connections: list[Connection] = []
        self.is_controlled = False
        self.must_reset = False
        self.transfer_to: str | None = None
        self.cancel_reason: str | None = None
        self.pressed: deque[str] = deque(
            maxlen=128
        )  # digits of the caller, for who collects them
        self._ended_by_caller = False
        self._signals: deque[Callable[[], None]] = deque()
        self._poked = False
        self._is_asleep = False
        self.is_interrupted = False  # what is being played
        self._timer: Timer | None = None
        self._life: Steps | None = None
        leg.channel = channel
        leg.on_hangup = self._caller_ended
        channel.on_answer.append(self._answered)
        channel.on_hangup.append(self._hung_up)

    @property
    def is_up(self) -> bool:
        """Whether the call goes on where it is: not ended, not reset, not transferred."""
        return self.channel.is_up and not self.must_reset and self.transfer_to is None

    @property
    def application_response(self) -> str:
        """What the last application answered; an application nested in it may have."""
        return self.channel.variables.get(_RESPONSE) or "_none_"

    @application_response.setter
    def application_response(self, text: str) -> None:
        self.channel.variables.set(_RESPONSE, text)

    def start(self) -> None:
        """Begins the call."""
        self._life = self._live()
        self._advance()

    def poke(self) -> None:
        """Something happened: the call looks at it on the next tick."""
        if not self._poked and self._life is not None:
            self._poked = True
            self.switch.loop.at_tick(self._step)

    def wake(self) -> None:
        """Something happened that the call's thread was blocked on: it goes on at once."""
        self.switch.loop.soon(self._advance)

    def signal(self, what: Callable[[], None]) -> None:
        """Runs something the caller did, in the call's own time."""
        self._signals.append(what)
        self.poke()

    def interrupt(self) -> None:
        """Stops what is being played."""
        self.is_interrupted = True
        self.poke()

    def pause(self, seconds: float, then: Callable[[], None]) -> None:
        """The call's thread sleeps: nothing else is done for it until `then` is called."""
        self._is_asleep = True

        def awake() -> None:
            self._is_asleep = False
            then()
            self._step()

        self.switch.loop.later(seconds, awake)

    def enqueue(self, command: Command) -> None:
        """Queues a command of an engine."""
        self.queue.add(command)
        self.poke()

    def lookup(self, name: str) -> str | None:
        """What `${name}` stands for in an argument of this call."""
        return self.switch.lookup(self.channel, name)

    def execute(self, application: str, data: str, uuid: str | None = None) -> Steps:
        """Runs one application with its two events around it.

        An application that does not exist ends the call.
        """
        channel = self.channel
        runner = self.switch.applications.get(application)
        if runner is None:
            log.info("no application %r", application)
            channel.variables.set("app_uuid", uuid)
            channel.hang_up("DESTINATION_OUT_OF_ORDER")
            return
        if application in _NEEDS_MEDIA:
            channel.variables.set("app_uuid", uuid)
            open_media(self, None)
            channel.variables.set("app_uuid", None)
        argument = expand(data, self.lookup)
        identity = ("Application-UUID", uuid or self.switch.new_uuid())
        channel.variables.set(_RESPONSE, None)
        channel.variables.set("current_application_data", argument)
        channel.variables.set("current_application", application)
        channel.last_application = (application, argument)
        shown = [("Application", application)]
        shown += [("Application-Data", argument)] if argument else []
        channel.fire("CHANNEL_EXECUTE", after=[*shown, identity])
        yield from runner(self, argument)
        response = ("Application-Response", self.application_response)
        channel.fire("CHANNEL_EXECUTE_COMPLETE", after=[*shown, response, identity])

    def _answered(self) -> None:
        self.channel.variables.set("endpoint_disposition", "ANSWER")
        self.switch.answered(self.channel)

    def run_at_answer(self, text: str) -> None:
        """Runs an application because the call was answered: at once, when it can."""
        name, _, data = text.partition(" ")
        steps = self.execute(name, data)
        try:
            patience = next(steps)
        except StopIteration:
            return
        # It wants to wait: the rest of it comes before anything queued.
        self.queue.add_steps(steps, patience)
        self.poke()

    def engine_left(self, *, resume: bool) -> None:
        """An engine's connection is gone."""
        if resume or self.channel.variables.is_true("socket_resume"):
            self.must_reset = True
        self.is_controlled = False
        self.poke()

    def end_by_caller(self, how: str, reason: str | None) -> None:
        """Ends the call because the caller did: `cancel`, `bye` or `no ack`."""
        if not self.channel.is_up:
            return
        status, cause, shown, disposition = _ENDINGS[how]
        self._ended_by_caller = how != "no ack"
        self.cancel_reason = reason
        variables = self.channel.variables
        if reason:
            variables.set("sip_reason", reason)
        if how == "cancel":
            variables.set("sip_hangup_disposition", disposition)
            variables.set("sip_invite_failure_status", status)
            variables.set("sip_invite_failure_phrase", "CANCEL")
        variables.set("sip_term_status", status)
        variables.set("proto_specific_hangup_cause", f"sip:{status}")
        variables.set("sip_term_cause", shown)
        self.channel.hang_up(cause)
        variables.keep("sip_hangup_disposition", disposition)

    def abandon(self) -> None:
        """The switch stops serving: nothing more happens to the call."""
        self._life = None
        if self._timer is not None:
            self._timer.cancel()

    def let_go(self) -> None:
        """A connection that may have kept the channel has gone."""
        if not self.connections and self.channel.running == "CS_REPORTING":
            self.channel.destroy()
            self.switch.forget(self.channel)

    def _live(self) -> Steps:
        channel = self.channel
        channel.fire("CHANNEL_STATE")
        channel.has_profile = True
        channel.enter("CS_INIT")
        channel.state = "CS_ROUTING"
        channel.fire("CHANNEL_CREATE")
        channel.running = "CS_ROUTING"
        channel.set_call_state("RINGING")
        channel.fire("CHANNEL_STATE")
        actions = self._route(channel.profile.destination)
        while channel.is_up:
            yield from self._run(actions)
            if self.transfer_to is None or not channel.is_up:
                break
            channel.profile.destination, self.transfer_to = self.transfer_to, None
            channel.enter("CS_ROUTING")
            actions = self._route(channel.profile.destination)
        channel.hang_up("NORMAL_CLEARING")
        self._finish()

    def _route(self, called: str) -> tuple[Action, ...]:
        found = self.switch.settings.dialplan.match(called)
        if found is None:
            self.channel.hang_up("NO_ROUTE_DESTINATION")
            return ()
        variables = self.channel.variables
        variables.set("DP_MATCH", None)
        if found[0].re.groups:
            for group in (found[0].group(0), *found[0].groups(default="")):
                variables.add("DP_MATCH", group)
        variables.keep("call_uuid", self.channel.uuid)
        return found[1]

    def _run(self, actions: tuple[Action, ...]) -> Steps:
        self.channel.enter("CS_EXECUTE")
        for action in actions:
            if not self.is_up:
                return
            yield from self.execute(action.application, action.data)
            if self.must_reset and self.channel.is_up:
                self.must_reset = False

    def _caller_ended(self, how: str, reason: str | None) -> None:
        self.signal(lambda: self.end_by_caller(how, reason))

    def _hung_up(self) -> None:
        for connection in list(self.connections):
            connection.call_ended()
        self.poke()

    def _finish(self) -> None:
        """Everything after the last application: SIP, then the last events."""
        channel = self.channel
        channel.enter("CS_HANGUP")
        self._end_dialogue()
        channel.complete()
        if self.switch.settings.cdr_folder is not None:
            write_line(self.switch.settings.cdr_folder, self.lookup)
        self._life = None
        self.switch.ended(self)
        self.let_go()

    def _end_dialogue(self) -> None:
        if self._ended_by_caller:
            return
        cause = self.channel.hangup_cause or "NORMAL_CLEARING"
        variables = self.channel.variables
        if self.leg.is_answered:
            self.leg.bye(cause)
            variables.set("sip_hangup_disposition", "send_bye")
        else:
            reason = variables.get("sip_reason") or reason_of(cause)
            self.leg.refuse(self._refusal_code(cause), reason=reason)
            variables.set("sip_hangup_disposition", "send_refuse")

    def _refusal_code(self, cause: str) -> int:
        """The destination's own code wins over the cause, unless told not to."""
        variables = self.channel.variables
        remote = variables.get("last_bridge_proto_specific_hangup_cause") or ""
        if remote.startswith("sip:") and not variables.is_true("sip_ignore_remote_cause"):
            code = leading_number(remote[4:])
            if 300 <= code < 700:
                return code
        return sip_code_of(cause)

    def _step(self) -> None:
        self._poked = False
        while self._signals and not self._is_asleep:
            self._signals.popleft()()
        self._advance()

    def _advance(self) -> None:
        if self._is_asleep:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._life is None:
            return
        try:
            patience = next(self._life)
        except StopIteration:
            return
        if patience is not None:
            self._timer = self.switch.loop.later(patience, self.poke)
        if self.queue.is_ready:
            self.poke()
