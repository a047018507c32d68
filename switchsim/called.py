"""A destination's leg: it rings, is answered or fails, and ends, with its own events."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from switchsim import called_variables, sdp
from switchsim.caller_data import codec_string
from switchsim.causes import cause_of_reason, cause_of_sip, reason_of
from switchsim.channel import Channel
from switchsim.hold import Reinvite, acknowledged, renegotiate
from switchsim.media_variables import negotiated
from switchsim.outgoing_dialogue import OutgoingDialogue
from switchsim.settings import Address
from switchsim.sip_text import body, header
from switchsim.sip_types import SipMessage, SipTransaction
from switchsim.voice_keys import VoicePort

if TYPE_CHECKING:
    from switchsim.switch import Switch

_FIRST_SSRC = 252_180_000
_OURS = "PCMA,PCMU"  # codecs, in the order of the profile


class CalledLeg:
    """One outgoing leg from its INVITE to its last event.

    Args:
        uri: the request URI, `sip:…`.
        target: where to send the INVITE.
        partner: the caller's channel, which learns how this leg failed.
        codecs: what to offer.
        events: the payload type to offer keys in the voice stream as; None: not at all.
        on_change: called whenever something happened to the leg.
    """

    def __init__(
        self,
        switch: "Switch",
        channel: Channel,
        *,
        uri: str,
        target: Address,
        partner: Channel,
        codecs: tuple[str, ...],
        on_change: Callable[[], None],
        events: str | None = None,
    ) -> None:
        self._switch = switch
        self.channel = channel
        self._partner = partner
        self._on_change = on_change
        self._dialogue = OutgoingDialogue(
            switch, channel, uri=uri, target=target, codecs=codecs, events=events
        )
        self._is_invited = False
        self._end_status = ""  # "sip:486": how SIP says the leg ended, when it did
        self.is_ringing = False
        self.is_early = False
        self.is_answered = False
        self.is_completed = False
        self.redirected_to: str | None = None
        self.remote_sdp = ""
        self.on_info: Callable[[SipMessage], None] = lambda _: None
        channel.on_answer.append(partial(switch.answered, channel))
        channel.on_hangup.append(self._ended)

    @property
    def is_up(self) -> bool:
        """Whether the leg still lives."""
        return self.channel.is_up

    @property
    def voice(self) -> VoicePort | None:
        """Where its keys arrive in the voice stream."""
        return self._dialogue.voice

    def invite(self) -> None:
        """Sends the INVITE and fires the events of a new leg; nothing when it has ended."""
        channel = self.channel
        if not channel.is_up:
            return
        channel.fire("CHANNEL_OUTGOING")
        channel.variables.set("call_uuid", self._partner.uuid)
        called_variables.set_first(
            channel.variables,
            self._dialogue,
            local=self._switch.sip_address,
            profile=self._switch.settings.profile,
        )
        if self._partner.has_codec:
            channel.variables.set("video_media_flow", "inactive")
        channel.enter("CS_INIT")
        channel.state = "CS_ROUTING"
        channel.fire("CHANNEL_CREATE")
        channel.fire("CHANNEL_ORIGINATE")
        self._is_invited = True
        self._dialogue.invite(self, self._on_response)
        channel.enter("CS_ROUTING")
        channel.enter("CS_CONSUME_MEDIA")

    def hang_up(self, cause: str) -> None:
        """Ends the leg from our side."""
        self.channel.hang_up(cause)

    def send_info(self, content_type: str, content: str) -> None:
        """Sends an INFO to the destination, once it has answered."""
        if self.is_answered and not self._dialogue.is_over:
            self._dialogue.info(content_type, content)

    def on_request(self, request_in: SipMessage, transaction: SipTransaction) -> None:
        """A request of the destination inside the dialogue."""
        method = request_in.getMethod()
        if method == "BYE":
            self._switch.loop.at_tick(lambda: self._on_bye(request_in, transaction))
            return
        if method == "INVITE":
            self._switch.loop.at_tick(lambda: self._renegotiate(request_in, transaction))
            return
        self._dialogue.reply(request_in, transaction)
        if method == "INFO":
            self.on_info(request_in)

    def _renegotiate(self, request_in: SipMessage, transaction: SipTransaction) -> None:
        dialogue, put = self._dialogue, self.channel.variables.set

        def answer(direction: str) -> None:
            dialogue.reply_media(
                request_in, transaction, on_ack=self._on_ack, direction=direction
            )
            put("rtp_local_sdp_str", dialogue.local_sdp(direction))

        def offer() -> None:
            dialogue.reply_media(request_in, transaction, on_ack=self._on_ack, codecs=sdp.ALL)
            put("rtp_local_sdp_str", dialogue.local_sdp(codecs=sdp.ALL))

        reinvite = Reinvite(
            offered=body(request_in),
            trying=lambda: dialogue.reply(request_in, transaction, 100),
            answer=answer,
            offer=offer,
            pause=self._switch.loop.later,
        )
        codecs = self.channel.variables.get("rtp_use_codec_string") or ""
        if not codecs.endswith(_OURS):
            put("rtp_use_codec_string", f"{codecs},{_OURS}")
        renegotiate(self._switch, self.channel, self._partner, reinvite)

    def _on_ack(self, request_in: SipMessage) -> None:
        called_variables.swap(self.channel.variables, request_in)
        acknowledged(self.channel, self._partner, body(request_in))

    def _on_bye(self, request_in: SipMessage, transaction: SipTransaction) -> None:
        self._dialogue.reply(request_in, transaction)
        self._dialogue.end()
        reason = header(request_in, "reason")
        variables = self.channel.variables
        variables.set("sip_term_status", "200")
        variables.set("proto_specific_hangup_cause", "sip:200")
        variables.set("sip_term_cause", "16")
        if reason:
            variables.set("sip_reason", reason)
        self._partner.variables.set("sip_hangup_phrase", "OK")
        self._end_status = "sip:200"
        cause = cause_of_reason(reason) if reason else None
        self.channel.hang_up(cause or "NORMAL_CLEARING")
        variables.set("sip_hangup_disposition", "recv_bye")

    def _on_response(self, message: SipMessage) -> None:
        code = message.getSCode()[0]
        self._dialogue.learn(message)
        if code == 100:
            return
        if not self.channel.is_up:
            self._after_the_end(code)
            return
        called_variables.learn(self.channel.variables, self._dialogue, message)
        if code < 200:
            self._on_progress(message, code)
        elif code < 300:
            self._on_answer(message)
        else:
            self._on_refusal(message, code)
        self._on_change()

    def _on_progress(self, message: SipMessage, code: int) -> None:
        described = body(message)
        if described:
            self._negotiate(described)
            self.is_early = True
            self.channel.mark_early()
        elif code == 180:
            self.is_ringing = True
            self._ring()

    def _ring(self) -> None:
        """The caller's profile takes over when its destination began to ring."""
        now = self.channel.now_us
        if self.channel.other:
            self.channel.other[1].times.progress = now
        caller = self._partner.profile.times
        caller.progress = caller.progress or now
        self.channel.mark_ringing()

    def _on_answer(self, message: SipMessage) -> None:
        self._negotiate(body(message))
        self.is_answered = True
        self.channel.mark_answered()

    def _on_refusal(self, message: SipMessage, code: int) -> None:
        phrase = message.getSCode()[1]
        reason = header(message, "reason")
        learning = [self.channel.variables]
        # A redirection is no failure that the caller's variables tell of.
        learning += [self._partner.variables] if code >= 400 else []
        for variables in learning:
            variables.set("sip_invite_failure_status", str(code))
            variables.set("sip_invite_failure_phrase", phrase)
            variables.set("sip_hangup_phrase", phrase)
            if reason:
                # The caller's own refusal repeats it, whatever its cause.
                variables.set("sip_reason", reason)
        self._end_status = f"sip:{code}"
        self._dialogue.end()
        cause = cause_of_reason(reason) if reason else None
        if 300 <= code < 400:
            self.redirected_to = header(message, "contact")
            cause = "REQUESTED_CHAN_UNAVAIL"
        self.channel.hang_up(cause or cause_of_sip(code))

    def _after_the_end(self, code: int) -> None:
        # An answer that crossed our CANCEL: sippy acknowledges it, we end the dialogue.
        if 200 <= code < 300:
            self._dialogue.bye(reason_of(self.channel.hangup_cause or "NORMAL_CLEARING"))
        elif code >= 200:
            self._dialogue.end()

    def _ended(self) -> None:
        """The channel was hung up, by whoever."""
        if self._partner.is_up:
            learns = self._partner.variables.set
            learns("last_bridge_hangup_cause", self.channel.hangup_cause)
            if self._end_status:
                learns("last_bridge_proto_specific_hangup_cause", self._end_status)
        self._switch.loop.soon(self._report)
        self._on_change()

    def _report(self) -> None:
        channel = self.channel
        channel.enter("CS_HANGUP")
        if self._is_invited and not self._dialogue.is_over:
            self._end_dialogue()
        channel.variables.set("bridge_to", None)
        channel.complete(is_alone=not self._partner.is_up)
        channel.destroy()
        self.is_completed = True
        self._switch.forget(channel)
        self._on_change()

    def _end_dialogue(self) -> None:
        cause = self.channel.hangup_cause or "NORMAL_CLEARING"
        if self.is_answered:
            self._dialogue.bye(reason_of(cause))
            self.channel.variables.keep("sip_hangup_disposition", "send_bye")
            return
        reason = reason_of(cause)
        if cause == "ORIGINATOR_CANCEL":
            reason = self._switch.cancel_reason(self.channel) or reason
        self._dialogue.cancel(reason)
        self.channel.variables.keep("sip_hangup_disposition", "send_cancel")

    def _negotiate(self, described: str) -> None:
        self.remote_sdp = described or self.remote_sdp
        media = sdp.read(self.remote_sdp)
        if media is None or self.channel.has_codec:
            return
        self.channel.set_codec()
        variables = self.channel.variables
        variables.set("switch_r_sdp", self.remote_sdp)
        variables.set("ep_codec_string", codec_string(media.codecs))
        ssrc = _FIRST_SSRC + self._dialogue.media_port
        host = self._switch.sip_address[0]
        for name, value in negotiated(media, host=host, ssrc=ssrc, local_port=None):
            variables.set(name, value)
