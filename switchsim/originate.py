"""Ringing: one bridge string, group after group, until a leg answers or all have failed."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from switchsim import dialstring
from switchsim.called import CalledLeg
from switchsim.called_text import can_be_sent
from switchsim.causes import dialstatus_of
from switchsim.dialstring import Destination, DialString
from switchsim.media import answer, open_media
from switchsim.new_leg import new_channel
from switchsim.ring_limits import RingLimits, leg_limits

if TYPE_CHECKING:
    from switchsim.session import Session

_TRUE = {"true", "yes", "on", "1", "t"}
Outcome = Generator[float | None, None, CalledLeg | None]


class Originate:
    """One attempt to reach somebody for a caller."""

    def __init__(self, session: "Session", text: str) -> None:
        self._session = session
        self._dial: DialString = dialstring.parse(text)
        self._legs: list[CalledLeg] = []
        self.cause = "NONE"
        self.failed_cause = ""  # where originate_failed_cause differs from the disposition

    def run(self) -> Outcome:
        """Rings; returns the leg that answered or sends early media, or None."""
        variables = self._session.channel.variables
        variables.set("originate_disposition", "failure")
        variables.set("DIALSTATUS", "INVALIDARGS")
        if self._session.channel.is_answered:
            self._session.channel.set_call_state("RING_WAIT")
        winner = None
        for group in self._dial.groups:
            self._forget_refusal()
            self.cause, self.failed_cause = "NONE", ""
            winner = yield from self._ring(group)
            self._settle(winner)
            if winner or not self._session.is_up:
                break
        if not self._dial.groups:
            self._settle(None)
        if self._session.channel.is_answered and self._session.channel.is_up:
            self._session.channel.set_call_state("ACTIVE")
        return winner

    def _ring(self, group: tuple[Destination, ...]) -> Outcome:
        session = self._session
        limits = self._begin(group)
        if not self._legs:
            return None
        while True:
            yield limits.patience_s()
            yield from session.queue.run()
            if not session.is_up:
                self._drop("ORIGINATOR_CANCEL")
                return None
            if self._is_redirected():
                return None
            self._pass_on_ringing()
            winner = self._winner()
            if winner:
                self._drop("LOSE_RACE", but=winner)
                self._connect(winner)
                return winner
            if self._is_out_of_time(limits):
                return None
            if not any(leg.is_up for leg in self._legs):
                self._take_cause()
                return None

    def _begin(self, group: tuple[Destination, ...]) -> RingLimits:
        session = self._session
        clock = session.switch.loop.clock
        call_timeout = session.channel.variables.get("call_timeout")
        limits = RingLimits(clock, self._dial.variables, call_timeout)
        self._legs = []
        for destination in group:
            values = {**self._dial.variables, **destination.variables}
            leg = self._leg(destination.endpoint, values)
            if leg is not None:
                self._legs.append(leg)
                limits.add(leg, leg_limits(values, clock.wall_us()))
        for leg in self._legs:
            if not can_be_sent(leg.channel.profile.name):
                leg.hang_up("DESTINATION_OUT_OF_ORDER")
            elif delay := leg.channel.variables.number("leg_delay_start"):
                session.switch.loop.later(delay, leg.invite)
            else:
                leg.invite()
        return limits

    def _leg(self, endpoint: str, values: dict[str, str]) -> CalledLeg | None:
        session, switch = self._session, self._session.switch
        where = switch.resolve(session.switch.expanded(session.channel, endpoint))
        hops = session.channel.variables.number("max_forwards")
        if hops is not None and hops <= 1:
            where = "EXCHANGE_ROUTING_ERROR"
        if isinstance(where, str):
            self.cause = where
            return None
        channel = new_channel(session, values, user=where.user, uri=where.uri)
        leg = CalledLeg(
            switch,
            channel,
            uri=where.uri,
            target=where.target,
            partner=session.channel,
            codecs=_offered(session),
            events=session.leg.media.events if session.leg.media else None,
            on_change=session.poke,
        )
        switch.adopt(leg, session)
        variables, profile = session.channel.variables, channel.profile
        shown = f"{channel.uuid};{profile.callee_name};{profile.callee_number}"
        variables.add("originated_legs", shown)
        variables.set("originate_signal_bond", channel.uuid)
        return leg

    def _pass_on_ringing(self) -> None:
        """The caller hears of the first 180, and of no other."""
        channel = self._session.channel
        ringing = [leg for leg in self._legs if leg.is_ringing]
        if ringing and len(self._legs) == 1:
            self._show_callee(ringing[0])
        if not ringing or channel.is_ring_ready or channel.is_early or channel.is_answered:
            return
        channel.variables.keep("sip_to_tag", self._session.leg.tag)
        self._session.leg.ring()
        channel.mark_ringing()

    def _show_callee(self, leg: CalledLeg) -> None:
        """The caller's profile learns who is being called."""
        profile = self._session.channel.profile
        profile.callee_name = leg.channel.profile.callee_name
        profile.callee_number = leg.channel.profile.callee_number

    def _winner(self) -> CalledLeg | None:
        answered = [leg for leg in self._legs if leg.is_up and leg.is_answered]
        if answered:
            return answered[0]
        if self._says_yes("ignore_early_media") or len(self._legs) > 1:
            return None
        return next((leg for leg in self._legs if leg.is_up and leg.is_early), None)

    def _forget_refusal(self) -> None:
        variables = self._session.channel.variables
        variables.set("sip_invite_failure_status", None)
        variables.set("sip_invite_failure_phrase", None)

    def _connect(self, winner: CalledLeg) -> None:
        self._forget_refusal()
        self._show_callee(winner)
        if winner.is_answered:
            answer(self._session, winner)
        else:
            open_media(self._session, winner)

    def _is_redirected(self) -> bool:
        """A 3xx moves the caller to the dialplan, unless the string forbids it."""
        for leg in self._legs:
            if leg.redirected_to is None or self._says_yes("outbound_redirect_fatal", leg):
                continue
            self._session.switch.redirect(self._session, leg.redirected_to)
            self._drop("ORIGINATOR_CANCEL")
            return True
        return False

    def _is_out_of_time(self, limits: RingLimits) -> bool:
        """Ends what has taken too long: single legs, or the whole attempt."""
        if limits.is_over:
            self._drop("NO_ANSWER")
            return True
        if limits.enforce():
            self.cause, self.failed_cause = "NO_ANSWER", "PROGRESS_TIMEOUT"
        return False

    def _says_yes(self, name: str, leg: CalledLeg | None = None) -> bool:
        value = leg.channel.variables.get(name) if leg is not None else None
        return (value or self._dial.variables.get(name) or "").lower() in _TRUE

    def _drop(self, cause: str, but: CalledLeg | None = None) -> None:
        for leg in self._legs:
            if leg is not but and leg.is_up:
                leg.hang_up(cause)
        if but is None:
            self.cause = cause

    def _take_cause(self) -> None:
        causes = [leg.channel.hangup_cause for leg in self._legs if leg.channel.hangup_cause]
        if causes and not self.failed_cause:
            self.cause = causes[0]

    def _settle(self, winner: CalledLeg | None) -> None:
        channel = self._session.channel
        variables = channel.variables
        if winner is not None:
            self.cause = "SUCCESS"
            variables.set("originate_signal_bond", None)
        elif not channel.is_up:
            self.cause = "ORIGINATOR_CANCEL"
        elif self.cause == "NONE":
            self.cause = "DESTINATION_OUT_OF_ORDER"
        variables.set("originate_disposition", self.cause)
        variables.set("DIALSTATUS", dialstatus_of(self.cause))
        for leg in self._legs:
            ended = leg.channel.hangup_cause or "NONE"
            variables.add("originate_causes", f"{leg.channel.uuid};{ended}")


def _offered(session: "Session") -> tuple[str, ...]:
    """What a destination is offered: the caller's codecs, or the one in use already."""
    media = session.leg.media
    codecs = media.codecs if media else ()
    return codecs[:1] if session.channel.has_codec else codecs
