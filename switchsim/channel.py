"""A channel: one leg's states, variables and profile, and the events they make."""

from collections.abc import Callable, Sequence

from switchsim.causes import q850_of
from switchsim.events import Event, EventBus, Header, Origin
from switchsim.loop import Loop
from switchsim.media_variables import media_counters
from switchsim.profile import CallerProfile, end_variables
from switchsim.variables import Variables

_STATES = (
    "CS_NEW", "CS_INIT", "CS_ROUTING", "CS_SOFT_EXECUTE", "CS_EXECUTE", "CS_EXCHANGE_MEDIA",
    "CS_PARK", "CS_CONSUME_MEDIA", "CS_HIBERNATE", "CS_RESET", "CS_HANGUP", "CS_REPORTING",
    "CS_DESTROY", "CS_NONE",
)  # fmt: skip
_CALL_STATES = (
    "DOWN", "DIALING", "RINGING", "EARLY", "ACTIVE", "HELD", "RING_WAIT", "HANGUP", "UNHELD",
)  # fmt: skip
_LISTED = frozenset(_STATES[2:10])
_WITH_VARIABLES = {
    "CHANNEL_CREATE", "CHANNEL_ORIGINATE", "CHANNEL_ANSWER", "CHANNEL_PARK", "CHANNEL_UNPARK",
    "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DATA", "CHANNEL_EXECUTE",
    "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_DESTROY", "CALL_UPDATE", "CHANNEL_HOLD",
    "CHANNEL_UNHOLD", "PLAYBACK_START", "PLAYBACK_STOP", "CUSTOM",
}  # fmt: skip
_CODEC: list[Header] = [
    (f"Channel-{way}-Codec-{name}", value)
    for way in ("Read", "Write")
    for name, value in (("Name", "PCMA"), ("Rate", "8000"), ("Bit-Rate", "64000"))
]

_CODEC_EVENTS: tuple[tuple[str, int, list[Header]], ...] = (
    (
        "switch_core_session_set_real_read_codec",
        189,
        [(name.lower(), value) for name, value in _CODEC[:3]],
    ),
    (
        "switch_core_session_set_write_codec",
        471,
        [*_CODEC[3:5], ("Channel-Write-codec-bit-rate", "64000")],
    ),
)


class Channel:
    """One leg as the switch keeps it. The SIP side is elsewhere and tells it what happened."""

    def __init__(self, *, loop: Loop, bus: EventBus, profile: CallerProfile) -> None:
        self._loop = loop
        self._bus = bus
        self.profile = profile
        self.variables = Variables()
        self.is_outbound = profile.direction == "outbound"
        self.running = "CS_NONE" if self.is_outbound else "CS_NEW"
        self.state = "CS_INIT" if self.is_outbound else "CS_NEW"
        self.call_state = "DOWN"
        # What the table of channels says: the last state before the end.
        self.listed_state, self.listed_call_state = self.running, "DOWN"
        self.hangup_cause: str | None = None
        self.is_answered = False
        self.is_early = False
        self.is_ring_ready = False
        self.is_held = False
        self.has_codec = False
        self.takes_info = False  # whether its party announced so
        self.digits = ""  # that its party has sent
        self.packets_sent = 0  # of media, as far as something was played
        self.has_profile = self.is_outbound
        self.bridge_role: str | None = None  # "originator" or "originatee" while bridged
        self.other: tuple[str, CallerProfile] | None = None  # "originator" or "originatee"
        self.last_application: tuple[str, str] | None = None
        self.on_answer: list[Callable[[], None]] = []
        self.on_hangup: list[Callable[[], None]] = []
        now = loop.clock.now_us()
        profile.times.created = profile.times.profile_created = now

    @property
    def uuid(self) -> str:
        """The channel's id."""
        return self.profile.uuid

    @property
    def name(self) -> str:
        """The channel's name, cut as the switch cuts it."""
        return self.profile.channel_name

    @property
    def is_up(self) -> bool:
        """Whether nobody has hung it up yet."""
        return self.hangup_cause is None

    @property
    def now_us(self) -> int:
        """The switch's clock."""
        return self._loop.clock.now_us()

    def fire(
        self,
        name: str,
        *,
        prefix: Sequence[Header] = (),
        before: Sequence[Header] = (),
        after: Sequence[Header] = (),
        origin: Origin | None = None,
    ) -> None:
        """Makes an event of this channel: `before` the channel's headers, `after` them.

        Before everything comes `prefix`: of an event made out of another.
        """
        if self._bus.wanted(name, self.uuid):
            headers = [*prefix, *self.data(name, before, after, origin)]
            self._bus.publish(Event(name, headers), self.uuid)

    def data(
        self,
        name: str,
        before: Sequence[Header] = (),
        after: Sequence[Header] = (),
        origin: Origin | None = None,
    ) -> list[Header]:
        """All headers of an event of this channel."""
        headers = [*self._bus.head(name, self.now_us, origin), *before, *self._basic()]
        if name in _WITH_VARIABLES:
            headers += [(f"variable_{key}", value) for key, value in self.variables.items()]
        return [*headers, *after]

    def _basic(self) -> list[Header]:
        direction = self.profile.direction
        answer = "ringing"
        if not self.is_up:
            answer = "hangup"
        elif self.is_answered:
            answer = "answered"
        elif self.is_early:
            answer = "early"
        headers = [
            ("Channel-State", self.running),
            ("Channel-Call-State", self.call_state),
            ("Channel-State-Number", str(_STATES.index(self.state))),
            ("Channel-Name", self.name),
            ("Unique-ID", self.uuid),
            ("Call-Direction", direction),
            ("Presence-Call-Direction", direction),
            ("Channel-HIT-Dialplan", "false" if self.is_outbound else "true"),
            ("Channel-Call-UUID", self.variables.get("call_uuid") or self.uuid),
            ("Answer-State", answer),
        ]
        if self.hangup_cause:
            headers.append(("Hangup-Cause", self.hangup_cause))
        if self.has_codec:
            headers += _CODEC
        if self.has_profile:
            headers += self.profile.headers("Caller")
        if self.other:
            headers.append(("Other-Type", self.other[0]))
            headers += self.other[1].headers("Other-Leg")
        return headers

    def enter(self, running: str, state: str | None = None) -> None:
        """Moves to a state and says so; `state` when the next one is already set."""
        if self.running == running:
            return
        self.running = running
        if running in _LISTED:
            self.listed_state = running
        if state or self.is_up:
            self.state = state or running
        self.fire("CHANNEL_STATE")

    def set_call_state(self, call_state: str) -> None:
        """Changes the call state and says so, once per state."""
        if call_state == self.call_state:
            return
        before = [
            ("Original-Channel-Call-State", self.call_state),
            ("Channel-Call-State-Number", str(_CALL_STATES.index(call_state))),
        ]
        self.call_state = call_state
        if call_state != "HANGUP":
            self.listed_call_state = call_state
        self.fire("CHANNEL_CALLSTATE", before=before)

    def set_codec(self) -> None:
        """Audio was negotiated: the leg has a codec each way, and says so twice."""
        if self.has_codec:
            return
        self.has_codec = True
        for function, line, headers in _CODEC_EVENTS:
            self.fire("CODEC", after=headers, origin=("switch_core_codec.c", function, line))

    def mark_ringing(self) -> None:
        """A 180 was seen on it or sent by it; only the first counts."""
        if self.is_ring_ready or self.is_early or self.is_answered or not self.is_up:
            return
        self.is_ring_ready = True
        self.profile.times.progress = self.profile.times.progress or self.now_us
        self.fire("CHANNEL_PROGRESS")
        self.set_call_state("RINGING")

    def mark_early(self) -> None:
        """Media runs before the answer; only the first time counts."""
        if self.is_early or self.is_answered or not self.is_up:
            return
        self.is_early = True
        self.profile.times.progress_media = self.now_us
        self.fire("CHANNEL_PROGRESS_MEDIA")
        self.set_call_state("EARLY")

    def mark_answered(self) -> None:
        """It was answered."""
        if self.is_answered or not self.is_up:
            return
        self.is_answered = True
        self.profile.times.answered = self.now_us
        self.fire("CHANNEL_ANSWER")
        for tell in self.on_answer:
            tell()
        self.set_call_state("ACTIVE")

    def hold(self) -> None:
        """Its party put it on hold."""
        self.is_held = True
        self.set_call_state("HELD")
        now = self._loop.clock.wall_us()
        self.profile.times.last_hold = now
        self.profile.holds.insert(0, (now, 0))
        self.fire("CHANNEL_HOLD")

    def unhold(self) -> None:
        """The hold is over, if there was one."""
        if not self.is_held:
            return
        self.is_held = False
        self.set_call_state("UNHELD")
        began, now = self.profile.times.last_hold, self._loop.clock.wall_us()
        self.profile.times.hold_accum += now - began
        self.profile.holds[0] = (began, now)
        self.fire("CHANNEL_UNHOLD")

    def hang_up(self, cause: str) -> bool:
        """Ends it with a cause; the first cause stays. True when this call ended it."""
        if not self.is_up:
            return False
        self.unhold()
        self.hangup_cause = cause
        self.state = "CS_HANGUP"
        if self.bridge_role:
            self.variables.set("last_bridge_role", self.bridge_role)
        self.fire("CHANNEL_HANGUP")
        for tell in self.on_hangup:
            tell()
        return True

    def complete(self, *, is_alone: bool = False) -> None:
        """Reports the end: the last states, the end variables, CHANNEL_HANGUP_COMPLETE.

        Args:
            is_alone: the call it belonged to is over: it is a call of its own by now.
        """
        cause = self.hangup_cause or "NORMAL_CLEARING"
        self.profile.times.hungup = self.now_us
        self.set_call_state("HANGUP")
        self.enter("CS_REPORTING", "CS_REPORTING")
        if is_alone:
            self.variables.set("call_uuid", self.uuid)
        self.variables.set("hangup_cause", cause)
        self.variables.set("hangup_cause_q850", str(q850_of(cause)))
        self.variables.set("digits_dialed", self.digits or "none")
        for name, value in end_variables(self.profile, last=self.last_application):
            self.variables.set(name, value)
        if self.has_codec:
            for name, value in media_counters(
                self.profile.times, packets_sent=self.packets_sent
            ):
                self.variables.set(name, value)
        self.fire("CHANNEL_HANGUP_COMPLETE", before=[("Hangup-Cause", cause)])

    def destroy(self) -> None:
        """Fires the last two events of a channel."""
        self.state = "CS_DESTROY"
        self.fire("CHANNEL_DESTROY")
        self.enter("CS_DESTROY", "CS_DESTROY")
