"""The caller's leg at work: its dialplan, the applications it runs, its queue of commands.

Strategy: FreeSWITCH gives every call a thread that runs one application after the other and
looks at its command queue every 20 ms. Here that thread is a generator. It yields to wait for
the next tick on which something happened (`poke`), or for a number of seconds; commands that
arrive while an application waits are run inside it, exactly as the switch nests them.
"""

import logging
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from switchsim.calling import CallingLeg
from switchsim.causes import cause_named, reason_of, sip_code_of
from switchsim.channel import Channel
from switchsim.dialplan import Action
from switchsim.loop import Timer
from switchsim.variables import expand, leading_number

if TYPE_CHECKING:
    from switchsim.connection import Connection
    from switchsim.switch import Switch

log = logging.getLogger(__name__)

Steps = Generator[float | None, None, None]


@dataclass(slots=True, kw_only=True)
class Command:
    """One `sendmsg` waiting for the call: its headers (lower case names) and its body."""

    fields: dict[str, str]
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    def get(self, name: str) -> str:
        """A header, empty when missing."""
        return self.fields.get(name, "")


class Session:
    """One call of a caller from its INVITE to its last event."""

    def __init__(self, switch: "Switch", channel: Channel, leg: CallingLeg) -> None:
        self.switch = switch
        self.channel = channel
        self.leg = leg
        self.commands: deque[Command] = deque()
        self.connections: list[Connection] = []
        self.is_controlled = False
        self.must_reset = False
        self.transfer_to: str | None = None
        self.application_response = "_none_"
        self.park_deadline_us: int | None = None
        self.park_cause = "NORMAL_CLEARING"
        self.disposition = ""
        self.cancel_reason: str | None = None
        self._locked = 0
        self._signals: deque[Callable[[], None]] = deque()
        self._poked = False
        self._timer: Timer | None = None
        self._life: Steps | None = None
        leg.channel = channel
        leg.on_hangup = self._caller_ended
        channel.on_hangup.append(self._hung_up)

    @property
    def is_up(self) -> bool:
        """Whether the call goes on where it is: not ended, not reset, not transferred."""
        return self.channel.is_up and not self.must_reset and self.transfer_to is None

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

    def enqueue(self, command: Command) -> None:
        """Queues a command of an engine."""
        self.commands.append(command)
        self.poke()

    def lookup(self, name: str) -> str | None:
        """What `${name}` stands for in an argument of this call."""
        return self.switch.lookup(self.channel, name)

    def execute(self, application: str, data: str, uuid: str | None = None) -> Steps:
        """Runs one application with its two events around it."""
        runner = self.switch.applications.get(application)
        if runner is None:
            log.info("no application %r", application)
            self.channel.hang_up("DESTINATION_OUT_OF_ORDER")
            return
        argument = expand(data, self.lookup)
        identifier = uuid or self.switch.new_uuid()
        variables = self.channel.variables
        variables.set("current_application_data", argument)
        variables.set("current_application", application)
        self.channel.last_application = (application, argument)
        shown = [("Application", application), ("Application-Data", argument)]
        if not argument:
            shown.pop()
        self.channel.fire("CHANNEL_EXECUTE", after=[*shown, ("Application-UUID", identifier)])
        self.application_response = "_none_"
        yield from runner(self, argument)
        end = [("Application-Response", self.application_response)]
        end.append(("Application-UUID", identifier))
        self.channel.fire("CHANNEL_EXECUTE_COMPLETE", after=[*shown, *end])

    def run_commands(self) -> Steps:
        """Runs what waits in the queue; nothing while a locked command runs."""
        while self.commands and not self._locked and self.is_up:
            yield from self._perform(self.commands.popleft())

    def park(self) -> Steps:
        """Waits for commands while an engine controls the call."""
        if self.must_reset:
            return
        self._begin_park_timeout()
        self.is_controlled = True
        self.channel.fire("CHANNEL_PARK")
        while self.is_up and self.is_controlled:
            yield self._until_park_timeout()
            if self._park_is_over():
                self.channel.hang_up(self.park_cause)
                break
            if self.commands and not self.channel.has_codec and not self._locked:
                # Without media the switch takes the first command past its own event.
                yield from self._perform(self.commands.popleft(), is_told=False)
            yield from self.run_commands()
        self.is_controlled = False
        self.channel.fire("CHANNEL_UNPARK")

    def run_at_answer(self, text: str) -> None:
        """Runs an application because the call was answered, before anything queued."""
        name, _, data = text.partition(" ")
        fields = {"call-command": "execute", "execute-app-name": name, "execute-app-arg": data}
        self.commands.appendleft(Command(fields=fields))
        self.poke()

    def engine_left(self, *, resume: bool) -> None:
        """An engine's connection is gone."""
        if resume or self.channel.variables.is_true("socket_resume"):
            self.must_reset = True
        self.is_controlled = False
        self.poke()

    def _live(self) -> Steps:
        channel = self.channel
        channel.enter("CS_NEW")
        channel.fire("CHANNEL_STATE")
        channel.has_profile = True
        channel.enter("CS_INIT", "CS_INIT")
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
            channel.running = channel.state = "CS_ROUTING"
            channel.fire("CHANNEL_STATE")
            actions = self._route(channel.profile.destination)
        channel.hang_up("NORMAL_CLEARING")
        self._finish()

    def _route(self, called: str) -> tuple[Action, ...]:
        found = self.switch.settings.dialplan.match(called)
        if found is None:
            self.channel.hang_up("NO_ROUTE_DESTINATION")
            return ()
        groups = [found[0].group(0), *found[0].groups(default="")]
        variables = self.channel.variables
        variables.set("DP_MATCH", None)
        for group in groups:
            variables.add("DP_MATCH", group)
        variables.keep("call_uuid", self.channel.uuid)
        return found[1]

    def _run(self, actions: tuple[Action, ...]) -> Steps:
        self.channel.enter("CS_EXECUTE", "CS_EXECUTE")
        for action in actions:
            if not self.is_up:
                return
            yield from self.execute(action.application, action.data)
            if self.must_reset and self.channel.is_up:
                self.must_reset = False

    def _perform(self, command: Command, *, is_told: bool = True) -> Steps:
        locks = command.get("event-lock").lower() == "true"
        self._locked += locks
        kind = command.get("call-command").lower()
        if kind == "execute" and command.get("execute-app-name"):
            yield from self._execute(command)
        elif kind == "hangup":
            self.channel.hang_up(cause_named(command.get("hangup-cause") or "NORMAL_CLEARING"))
        self._locked -= locks
        if is_told:
            before = [("Command", command.text), *command.headers]
            self.channel.fire("PRIVATE_COMMAND", before=before)

    def _execute(self, command: Command) -> Steps:
        argument = command.get("execute-app-arg")
        if not argument and command.get("content-type").lower() == "text/plain":
            argument = command.body
        loops = leading_number(command.get("loops") or "1")
        variables = self.channel.variables
        done = 0
        while self.channel.is_up and (done < loops or loops < 0):
            done += 1
            variables.set("current_loop", str(done))
            variables.set("total_loops", str(loops))
            if command.get("event-uuid"):
                identifier: str | None = command.get("event-uuid")
            else:
                identifier = None
            started = self.switch.loop.clock.wall_us()
            application = command.get("execute-app-name")
            yield from self.execute(application, argument, identifier)
            if self.switch.loop.clock.wall_us() - started < 500_000:
                break
        variables.set("current_loop", None)
        variables.set("total_loops", None)

    def _begin_park_timeout(self) -> None:
        variables = self.channel.variables
        limit = variables.get("park_timeout")
        self.park_deadline_us = None
        if limit is None:
            return
        variables.set("park_timeout", None)
        seconds, _, cause = limit.partition(":")
        self.park_cause = cause_named(cause) if cause else "NORMAL_CLEARING"
        # Whole seconds of the clock, so up to a second early.
        now_s = self.switch.loop.clock.wall_us() // 1_000_000
        self.park_deadline_us = (now_s + leading_number(seconds)) * 1_000_000

    def _until_park_timeout(self) -> float | None:
        if self.park_deadline_us is None:
            return None
        return max(0.0, (self.park_deadline_us - self.switch.loop.clock.wall_us()) / 1e6)

    def _park_is_over(self) -> bool:
        now_us = self.switch.loop.clock.wall_us()
        return self.park_deadline_us is not None and now_us >= self.park_deadline_us

    def _caller_ended(self, how: str, reason: str | None) -> None:
        """The caller cancelled, hung up or vanished."""
        self.signal(lambda: self.end_by_caller(how, reason))

    def end_by_caller(self, how: str, reason: str | None) -> None:
        """Ends the call because the caller did."""
        if not self.channel.is_up:
            return
        variables = self.channel.variables
        self.cancel_reason = reason
        variables.set("sip_reason", reason)
        if how == "cancel":
            self.disposition = "recv_cancel"
            status, cause, shown = "487", "ORIGINATOR_CANCEL", "487"
            variables.set("sip_hangup_disposition", self.disposition)
            variables.set("sip_invite_failure_status", "487")
            variables.set("sip_invite_failure_phrase", "CANCEL")
        elif how == "bye":
            self.disposition = "recv_bye"
            status, cause, shown = "200", "NORMAL_CLEARING", "16"
        else:
            self.disposition = "send_bye"
            status, cause, shown = "408", "RECOVERY_ON_TIMER_EXPIRE", "102"
        variables.set("sip_term_status", status)
        variables.set("proto_specific_hangup_cause", f"sip:{status}")
        variables.set("sip_term_cause", shown)
        self.channel.hang_up(cause)
        variables.keep("sip_hangup_disposition", self.disposition)

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
        if channel.has_codec:
            self.switch.set_media_statistics(channel)
        channel.report()
        self._life = None
        self.switch.ended(self)
        self.let_go()

    def let_go(self) -> None:
        """A connection that may have kept the channel has gone."""
        if not self.connections and self.channel.running == "CS_REPORTING":
            self._release()

    def _release(self) -> None:
        if self.channel.running != "CS_DESTROY":
            self.channel.destroy()
            self.switch.forget(self.channel)

    def _end_dialogue(self) -> None:
        cause = self.channel.hangup_cause or "NORMAL_CLEARING"
        variables = self.channel.variables
        if self.disposition in {"recv_cancel", "recv_bye"}:
            return
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
        while self._signals:
            self._signals.popleft()()
        self._advance()

    def _advance(self) -> None:
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
        if self.commands and not self._locked:
            self.poke()
