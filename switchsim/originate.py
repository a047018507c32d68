"""Ringing destinations: one bridge string, group after group, until one answers or all failed."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from switchsim import dialstring
from switchsim.called import CalledLeg
from switchsim.called_text import can_be_sent
from switchsim.causes import dialstatus_of
from switchsim.channel import Channel
from switchsim.dialstring import Destination, DialString
from switchsim.encoding import url_encode
from switchsim.media import answer, open_media
from switchsim.profile import CallerProfile
from switchsim.variables import leading_number

if TYPE_CHECKING:
    from switchsim.session import Session

_DEFAULT_PATIENCE_S = 60
_TRUE = {"true", "yes", "on", "1", "t"}
Outcome = Generator[float | None, None, CalledLeg | None]


class Originate:
    """One attempt to reach somebody for a caller."""

    def __init__(self, session: "Session", text: str) -> None:
        self._session = session
        self._dial: DialString = dialstring.parse(text)
        self._legs: list[CalledLeg] = []
        self._deadlines: dict[CalledLeg, tuple[int | None, int | None]] = {}
        self.cause = "NONE"
        self.failed_cause = ""

    def run(self) -> Outcome:
        """Rings; returns the leg that answered (or sends early media), or None."""
        variables = self._session.channel.variables
        variables.set("originate_disposition", "failure")
        variables.set("DIALSTATUS", "INVALIDARGS")
        winner = None
        for group in self._dial.groups:
            variables.set("sip_invite_failure_status", None)
            variables.set("sip_invite_failure_phrase", None)
            self.cause = "NONE"
            winner = yield from self._ring(group)
            self._settle(winner)
            if winner or not self._session.is_up:
                break
        if not self._dial.groups:
            self._settle(None)
        return winner

    def _ring(self, group: tuple[Destination, ...]) -> Outcome:
        session = self._session
        self._legs, self._deadlines = [], {}
        for destination in group:
            leg, cause = self._leg(destination)
            if leg is None:
                self.cause = cause
            else:
                self._legs.append(leg)
        for leg in self._legs:
            if not can_be_sent(leg.channel.profile.name):
                leg.hang_up("DESTINATION_OUT_OF_ORDER")
            else:
                leg.invite()
        started = session.switch.loop.clock.wall_us()
        limit, counts_whole_seconds = self._limit()
        deadline = started + limit * 1_000_000
        if counts_whole_seconds:
            deadline = (started // 1_000_000 + limit) * 1_000_000
        while True:
            yield self._patience(deadline)
            yield from session.run_commands()
            now = session.switch.loop.clock.wall_us()
            if not session.is_up:
                self._cancel("ORIGINATOR_CANCEL")
                return None
            self._pass_on_ringing()
            winner = self._winner()
            if winner:
                self._cancel("LOSE_RACE", but=winner)
                self._connect(winner)
                return winner
            if self._redirected():
                return None
            if now >= deadline:
                self.cause = "NO_ANSWER"
                self._cancel("NO_ANSWER")
                return None
            self._enforce(now)
            if not any(leg.is_up for leg in self._legs):
                self._take_cause()
                return None

    def _leg(self, destination: Destination) -> tuple[CalledLeg | None, str]:
        session, switch = self._session, self._session.switch
        values = {**self._dial.variables, **destination.variables}
        where = switch.resolve(destination.endpoint)
        if isinstance(where, str):
            return None, where
        uri, target, user = where
        channel = self._channel(values, user=user, uri=uri)
        media = session.leg.media
        leg = CalledLeg(
            switch,
            channel,
            uri=uri,
            target=target,
            on_change=session.poke,
            partner=session.channel,
            codecs=media.codecs if media else (),
        )
        now = switch.loop.clock.wall_us()
        ring_s, progress_s = values.get("leg_timeout"), values.get("leg_progress_timeout")
        self._deadlines[leg] = (
            now + leading_number(ring_s) * 1_000_000 if ring_s else None,
            now + leading_number(progress_s) * 1_000_000 if progress_s else None,
        )
        switch.adopt(leg, session)
        variables = session.channel.variables
        profile = channel.profile
        shown = f"{channel.uuid};{profile.callee_name};{profile.callee_number}"
        variables.set("originate_signal_bond", channel.uuid)
        variables.add("originated_legs", shown)
        return leg, ""

    def _channel(self, values: dict[str, str], *, user: str, uri: str) -> Channel:
        session, switch = self._session, self._session.switch
        caller, own = session.channel, session.channel.variables
        base = caller.profile
        number = values.get("origination_caller_id_number") or own.get(
            "effective_caller_id_number"
        )
        name = values.get("origination_caller_id_name") or own.get("effective_caller_id_name")
        wanted = values.get("origination_uuid") or switch.new_uuid()
        uuid = wanted if switch.find(wanted) is None else switch.new_uuid()
        at = uri.partition(":")[2]
        shown = url_encode(user)
        profile = CallerProfile(
            uuid=uuid,
            channel_name=f"sofia/{switch.settings.profile}/{shown}{at[len(user) :]}"[:255],
            destination=shown,
            number=number or base.number,
            name=name or base.name,
            orig_number=base.orig_number,
            orig_name=base.orig_name,
            callee_name="Outbound Call",
            callee_number=user,
            username=base.username,
            ani=base.ani,
            network_addr=base.network_addr,
            context=base.context,
            direction="outbound",
            logical_direction="outbound",
            hide_name=base.hide_name,
            hide_number=base.hide_number,
            screen=base.screen,
        )
        _apply_privacy(profile, values.get("origination_privacy") or own.get("privacy"))
        channel = Channel(loop=switch.loop, bus=switch.bus, profile=profile)
        channel.other = ("originator", base.copy(timeless=True))
        self._first_variables(channel, values, at)
        return channel

    def _first_variables(self, channel: Channel, values: dict[str, str], at: str) -> None:
        session, switch = self._session, self._session.switch
        own, put = session.channel.variables, channel.variables.set
        hops = (own.number("max_forwards") or 70) - 1
        for name, value in (
            ("direction", "outbound"),
            ("is_outbound", "true"),
            ("uuid", channel.uuid),
            ("session_id", str(switch.next_session_id())),
            ("sip_local_network_addr", switch.endpoint.address[0]),
            ("sip_profile_name", switch.settings.profile),
            ("text_media_flow", "disabled"),
            ("channel_name", channel.name),
            ("sip_destination_url", f"sip:{at}"),
        ):
            put(name, value)
        for name, value in values.items():
            put(name, session.switch.expanded(session.channel, value))
        if "sip_cid_type" not in values:
            put("sip_cid_type", own.get("sip_cid_type"))
        for name, value in (
            ("max_forwards", str(hops)),
            ("originator_codec", own.get("ep_codec_string")),
            ("originator", session.channel.uuid),
            ("signal_bond", session.channel.uuid),
            ("switch_m_sdp", own.get("switch_r_sdp")),
            ("originate_early_media", "true"),
            ("originating_leg_uuid", session.channel.uuid),
            ("originate_endpoint", "sofia"),
            ("rtp_use_codec_string", own.get("ep_codec_string")),
        ):
            put(name, value)

    def _limit(self) -> tuple[int, bool]:
        values = self._dial.variables
        limit = values.get("originate_timeout") or self._session.channel.variables.get(
            "call_timeout"
        )
        return (leading_number(limit), True) if limit else (_DEFAULT_PATIENCE_S, True)

    def _progress_limit_us(self) -> int | None:
        limit = self._dial.variables.get("progress_timeout")
        return leading_number(limit) * 1_000_000 if limit else None

    def _patience(self, deadline: int) -> float:
        times = [deadline]
        for leg, (ring, progress) in self._deadlines.items():
            if leg.is_up:
                times += [ring] if ring else []
                times += [progress] if progress and not leg.is_ringing else []
        overall = self._progress_limit_us()
        if overall:
            times += [leg.channel.profile.times.created + overall for leg in self._legs]
        now = self._session.switch.loop.clock.wall_us()
        ahead = [moment - now for moment in times if moment > now]
        return max(0.02, min(ahead, default=20_000) / 1e6)

    def _enforce(self, now: int) -> None:
        overall = self._progress_limit_us()
        for leg, (ring, progress) in self._deadlines.items():
            if not leg.is_up:
                continue
            waits = not (leg.is_ringing or leg.is_early)
            created = leg.channel.profile.times.created
            if waits and overall and now >= created + overall:
                leg.hang_up("PROGRESS_TIMEOUT")
                self.cause, self.failed_cause = "NO_ANSWER", "PROGRESS_TIMEOUT"
            elif waits and progress and now >= progress:
                leg.hang_up("PROGRESS_TIMEOUT")
            elif ring and now >= ring:
                leg.hang_up("ALLOTTED_TIMEOUT")

    def _pass_on_ringing(self) -> None:
        channel = self._session.channel
        ringing = [leg for leg in self._legs if leg.is_ringing]
        if not ringing or channel.is_ring_ready or channel.is_early or channel.is_answered:
            return
        self.show_callee(ringing[0])
        channel.variables.keep("sip_to_tag", self._session.leg.tag)
        self._session.leg.ring()
        channel.mark_ringing()

    def show_callee(self, leg: CalledLeg) -> None:
        """The caller's profile learns who is being called."""
        profile = self._session.channel.profile
        profile.callee_name = leg.channel.profile.callee_name
        profile.callee_number = leg.channel.profile.callee_number

    def _winner(self) -> CalledLeg | None:
        answered = [leg for leg in self._legs if leg.is_up and leg.is_answered]
        if answered:
            return answered[0]
        early = [leg for leg in self._legs if leg.is_up and leg.is_early]
        ignores = self._option("ignore_early_media")
        return early[0] if early and not ignores and len(self._legs) == 1 else None

    def _connect(self, winner: CalledLeg) -> None:
        self.show_callee(winner)
        if winner.is_answered:
            answer(self._session, winner)
        else:
            open_media(self._session, winner)

    def _redirected(self) -> bool:
        """A 3xx moves the caller to the dialplan, unless the string forbids it."""
        for leg in self._legs:
            if leg.redirected_to is None or self._option("outbound_redirect_fatal", leg):
                continue
            self._session.switch.redirect(self._session, leg.redirected_to)
            self.cause = "ORIGINATOR_CANCEL"
            self._cancel("ORIGINATOR_CANCEL")
            return True
        return False

    def _option(self, name: str, leg: CalledLeg | None = None) -> bool:
        value = self._dial.variables.get(name)
        if leg is not None:
            value = leg.channel.variables.get(name) or value
        return (value or "").lower() in _TRUE

    def _cancel(self, cause: str, but: CalledLeg | None = None) -> None:
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
        variables = self._session.channel.variables
        if winner is not None:
            self.cause = "SUCCESS"
        elif self.cause in {"NONE", ""}:
            self.cause = self._session.channel.hangup_cause or "DESTINATION_OUT_OF_ORDER"
        if not self._session.channel.is_up:
            self.cause = "ORIGINATOR_CANCEL"
        variables.set("originate_disposition", self.cause)
        variables.set("DIALSTATUS", dialstatus_of(self.cause))
        for leg in self._legs:
            ended = leg.channel.hangup_cause or "NONE"
            variables.add("originate_causes", f"{leg.channel.uuid};{ended}")
        if winner is not None:
            variables.set("originate_signal_bond", None)


def _apply_privacy(profile: CallerProfile, wanted: str | None) -> None:
    if wanted is None:
        return
    words = {word.strip().lower() for word in wanted.split(":")}
    profile.screen = "screen" in words
    profile.hide_name = "hide_name" in words
    profile.hide_number = "hide_number" in words
