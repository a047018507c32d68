"""A destination's leg: its INVITE, what it answers, its own events, and its end."""

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from switchsim import sdp
from switchsim.called_text import invite_headers, sender_of
from switchsim.caller_data import codec_string
from switchsim.causes import cause_of_reason, cause_of_sip, reason_of
from switchsim.channel import Channel
from switchsim.settings import Address
from switchsim.sip_text import (
    ALLOW,
    SUPPORTED,
    body,
    header,
    headers,
    party,
    request,
    response,
    target_of,
    token,
)

if TYPE_CHECKING:
    from switchsim.switch import Switch

_cseq = itertools.count(123_204_000)


class CalledLeg:
    """One outgoing leg from its INVITE to its last event.

    Args:
        uri: the request URI, `sip:…`.
        target: where to send the INVITE.
        on_change: called whenever something happened to the leg.
        partner: the caller's channel, which learns how this leg failed.
    """

    def __init__(
        self,
        switch: "Switch",
        channel: Channel,
        *,
        uri: str,
        target: Address,
        on_change: Callable[[], None],
        partner: Channel,
        codecs: tuple[str, ...],
    ) -> None:
        self._switch = switch
        self.channel = channel
        self._uri = uri
        self._target = target
        self.on_change = on_change
        self._partner = partner
        self._is_over = False
        self._tell_partner = ""
        self._codecs = codecs or ("PCMA", "PCMU")
        self._call_id = switch.new_uuid()
        self._tag = token()
        self._cseq = next(_cseq)
        self._transaction: Any = None
        self._first_response = True
        self._remote_to = f"<{uri}>"
        self._remote_uri = uri
        self._routes: list[str] = []
        self._media_port = switch.next_media_port()
        self._sender = ""
        self.is_ringing = False
        self.is_early = False
        self.is_answered = False
        self.is_completed = False
        self.failure: tuple[int, str, str | None] | None = None  # code, phrase, Reason
        self.redirected_to: str | None = None
        self.remote_sdp = ""
        self.partner_hold = False
        self.on_dtmf: Callable[[str, int], None] = lambda *_: None
        self.on_info: Callable[[Any], None] = lambda *_: None
        channel.on_hangup.append(self._ended)

    @property
    def is_up(self) -> bool:
        """Whether the leg still lives."""
        return self.channel.is_up

    @property
    def sent_reason(self) -> str | None:
        """The Reason header of the destination's refusal."""
        return self.failure[2] if self.failure else None

    def invite(self) -> None:
        """Sends the INVITE and fires the events of a new leg."""
        channel, endpoint = self.channel, self._switch.endpoint
        channel.fire("CHANNEL_OUTGOING")
        channel.variables.set("call_uuid", self._partner.uuid)
        self._sender = f"{sender_of(channel, endpoint.address[0])};tag={self._tag}"
        offer = sdp.offer(
            session=1_795_480_000 + self._media_port,
            host=endpoint.address[0],
            port=self._media_port,
            codecs=self._codecs,
        )
        self._set_first_variables(offer)
        channel.running, channel.state = "CS_INIT", "CS_INIT"
        channel.fire("CHANNEL_STATE")
        channel.state = "CS_ROUTING"
        channel.fire("CHANNEL_CREATE")
        channel.fire("CHANNEL_ORIGINATE")
        text = request(
            "INVITE",
            self._uri,
            local=endpoint.address,
            sender=self._sender,
            to=f"<{self._uri}>",
            call_id=self._call_id,
            cseq=self._cseq,
            max_forwards=channel.variables.number("max_forwards") or 69,
            extra=invite_headers(
                channel,
                endpoint.address,
                self._switch.settings.user_agent,
                announces=self._switch.settings.passes_callee_id,
            ),
            content=offer,
        )
        endpoint.join(self._call_id, self)
        self._transaction = endpoint.request(text, self._target, self._on_response)
        channel.enter("CS_ROUTING", "CS_ROUTING")
        channel.enter("CS_CONSUME_MEDIA", "CS_CONSUME_MEDIA")

    def hang_up(self, cause: str) -> None:
        """Ends the leg from our side."""
        self.channel.hang_up(cause)

    def send_info(self, content_type: str, content: str) -> None:
        """Sends an INFO inside the dialogue."""
        if self.is_answered:
            self._send("INFO", [("Content-Type", content_type)], content)

    def on_request(self, request_in: Any, transaction: Any) -> None:
        """A request of the destination inside the dialogue."""
        method = request_in.getMethod()
        if method == "BYE":
            self._switch.loop.at_tick(lambda: self._on_bye(request_in, transaction))
            return
        content = ""
        if method == "INVITE":
            content = sdp.answer(
                session=1_795_480_000 + self._media_port,
                origin=self._switch.settings.ipv4,
                host=self._switch.endpoint.address[0],
                port=self._media_port,
                codec="PCMA",
            )
        self._reply(request_in, transaction, content)
        if method == "INFO":
            self.on_info(request_in)

    def _on_bye(self, request_in: Any, transaction: Any) -> None:
        self._reply(request_in, transaction)
        variables = self.channel.variables
        reason = header(request_in, "reason")
        variables.set("sip_term_status", "200")
        variables.set("proto_specific_hangup_cause", "sip:200")
        variables.set("sip_term_cause", "16")
        variables.set("sip_reason", reason)
        cause = cause_of_reason(reason) if reason else None
        self._forget()
        self._partner.variables.set("sip_hangup_phrase", "OK")
        self._tell_partner = "sip:200"
        self.channel.hang_up(cause or "NORMAL_CLEARING")
        variables.set("sip_hangup_disposition", "recv_bye")

    def _reply(self, request_in: Any, transaction: Any, content: str = "") -> None:
        extra = [
            ("User-Agent", self._switch.settings.user_agent),
            ("Allow", ALLOW),
            ("Supported", SUPPORTED),
        ]
        if content:
            host, port = self._switch.endpoint.address
            extra.insert(0, ("Contact", f"<sip:mod_sofia@{host}:{port}>"))
        answer = response(request_in, 200, extra=extra, content=content)
        self._switch.endpoint.respond(transaction, answer)

    def _on_response(self, message: Any) -> None:
        code = message.getSCode()[0]
        if self._first_response:
            self._first_response = False
            self._switch.endpoint.settled(self._transaction, self._target)
        if code == 100:
            return
        if not self.channel.is_up:
            self._after_the_end(message, code)
            return
        self._learn(message)
        if code < 200:
            self._on_progress(message, code)
        elif code < 300:
            self._on_answer(message)
        else:
            self._on_refusal(message, code)
        self.on_change()

    def _on_progress(self, message: Any, code: int) -> None:
        described = body(message)
        if described:
            self.remote_sdp = described
            self._negotiated(described)
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

    def _on_answer(self, message: Any) -> None:
        self.remote_sdp = body(message) or self.remote_sdp
        self._negotiated(self.remote_sdp)
        contact = header(message, "contact")
        self._remote_uri = party(contact).uri if contact else self._uri
        self._routes = list(reversed(headers(message, "record-route")))
        self.is_answered = True
        self.channel.mark_answered()
        self._switch.answered(self.channel)

    def _on_refusal(self, message: Any, code: int) -> None:
        phrase = message.getSCode()[1]
        reason = header(message, "reason")
        self.failure = (code, phrase, reason)
        if 300 <= code < 400:
            self.redirected_to = header(message, "contact")
        for variables in (self.channel.variables, self._partner.variables):
            variables.set("sip_invite_failure_status", str(code))
            variables.set("sip_invite_failure_phrase", phrase)
            variables.set("sip_hangup_phrase", phrase)
            # The caller's own refusal repeats a destination's Reason, whatever its cause.
            variables.set("sip_reason", reason)
        self._tell_partner = f"sip:{code}"
        self._forget()
        cause = cause_of_reason(reason) if reason else None
        if 300 <= code < 400:
            cause = "REQUESTED_CHAN_UNAVAIL"
        self.channel.hang_up(cause or cause_of_sip(code))

    def _after_the_end(self, message: Any, code: int) -> None:
        # An answer that crossed our CANCEL: sippy acknowledges it, we end the dialogue.
        if 200 <= code < 300:
            self._remote_to = header(message, "to") or self._remote_to
            contact = header(message, "contact")
            self._remote_uri = party(contact).uri if contact else self._uri
            cause = self.channel.hangup_cause or "NORMAL_CLEARING"
            self._send("BYE", [*self._agent(), ("Reason", reason_of(cause))])
        if code >= 200:
            self._forget()

    def _ended(self) -> None:
        """The channel was hung up by whoever: tell the destination, then report."""
        cause = self.channel.hangup_cause or "NORMAL_CLEARING"
        if self._partner.is_up:
            learns = self._partner.variables.set
            learns("last_bridge_hangup_cause", cause)
            if self._tell_partner:
                learns("last_bridge_proto_specific_hangup_cause", self._tell_partner)
        disposition = None
        if self._transaction is not None and not self.failure:
            if self.is_answered and not self._is_over:
                disposition = "send_bye"
            elif not self.is_answered:
                disposition = "send_cancel"
        self._switch.loop.soon(lambda: self._report(cause, disposition))
        self.on_change()

    def _report(self, cause: str, disposition: str | None) -> None:
        channel = self.channel
        channel.enter("CS_HANGUP")
        if disposition == "send_bye" and not self._is_over:
            self._send("BYE", [*self._agent(), ("Reason", reason_of(cause))])
            self._forget()
            channel.variables.keep("sip_hangup_disposition", "send_bye")
        elif disposition == "send_cancel":
            reason = reason_of(cause)
            if cause == "LOSE_RACE":
                reason = 'SIP;cause=200;text="Call completed elsewhere"'
            elif cause == "ORIGINATOR_CANCEL":
                reason = self._switch.cancel_reason(channel) or reason
            self._switch.endpoint.cancel(self._transaction, reason)
            channel.variables.keep("sip_hangup_disposition", "send_cancel")
        channel.complete()
        if channel.has_codec:
            self._switch.set_media_statistics(channel)
        if not self._partner.is_up:
            channel.variables.set("call_uuid", channel.uuid)
        channel.report()
        channel.destroy()
        self.is_completed = True
        self._switch.forget(channel)
        self.on_change()

    def _send(self, method: str, extra: list[tuple[str, str]], content: str = "") -> None:
        self._cseq += 1
        text = request(
            method,
            self._remote_uri,
            local=self._switch.endpoint.address,
            sender=self._sender,
            to=self._remote_to,
            call_id=self._call_id,
            cseq=self._cseq,
            routes=self._routes,
            extra=extra,
            content=content,
        )
        hop = self._routes[0] if self._routes else self._remote_uri
        self._switch.endpoint.request(text, target_of(hop, self._target), lambda _: None)

    def _agent(self) -> list[tuple[str, str]]:
        agent = self._switch.settings.user_agent
        return [("User-Agent", agent), ("Allow", ALLOW), ("Supported", SUPPORTED)]

    def _forget(self) -> None:
        self._switch.endpoint.leave(self._call_id)
        self._is_over = True

    def _negotiated(self, described: str) -> None:
        media = sdp.read(described)
        if media is None or self.channel.has_codec:
            return
        self.channel.set_codec()
        variables = self.channel.variables
        variables.set("switch_r_sdp", described)
        variables.set("ep_codec_string", codec_string(media.codecs))
        self._switch.set_media_variables(
            self.channel, media, ssrc=252_180_000 + self._media_port, local=None
        )

    def _set_first_variables(self, offer: str) -> None:
        host, port = self._switch.endpoint.address
        set_ = self.channel.variables.set
        remote = self._uri.partition(":")[2]
        for name, value in (
            ("local_media_ip", host),
            ("local_media_port", str(self._media_port)),
            ("advertised_media_ip", host),
            ("audio_media_flow", "sendrecv"),
            ("video_media_flow", "sendrecv"),
            ("rtp_local_sdp_str", sdp.offered_variable(offer)),
            ("sip_outgoing_contact_uri", f"<sip:mod_sofia@{host}:{port}>"),
            ("sip_req_uri", remote),
            ("sip_to_host", remote.partition("@")[2] or remote),
            ("sip_from_host", party(self._sender).host),
            ("sofia_profile_name", self._switch.settings.profile),
            ("recovery_profile_name", self._switch.settings.profile),
            ("sofia_profile_url", f"sip:mod_sofia@{host}:{port}"),
        ):
            set_(name, value)

    def _learn(self, message: Any) -> None:
        """Sets the variables that a destination's first answers bring."""
        self._remote_to = header(message, "to") or self._remote_to
        set_ = self.channel.variables.keep
        to, sender = party(self._remote_to), party(self._sender)
        contact, via = header(message, "contact"), header(message, "via") or ""
        pairs = [
            ("sip_reply_host", self._target[0]),
            ("sip_reply_port", str(self._target[1])),
            ("sip_network_ip", self._target[0]),
            ("sip_network_port", str(self._target[1])),
            ("sip_allow", ", ".join(headers(message, "allow"))),
            ("sip_recover_contact", contact),
            ("sip_full_via", via),
            ("sip_recover_via", via),
            ("sip_from_display", sender.display),
            ("sip_full_from", self._sender),
            ("sip_full_to", self._remote_to),
            ("sip_from_user", sender.user),
            (
                "sip_from_uri",
                f"{sender.user}@{sender.host}" + (f":{sender.port}" if sender.port else ""),
            ),
            ("sip_to_user", to.user),
            ("sip_to_port", to.port),
            ("sip_to_uri", f"{to.user}@{to.host}" + (f":{to.port}" if to.port else "")),
            ("sip_to_host", to.host),
        ]
        if contact:
            reach = party(contact)
            pairs += [
                ("sip_contact_user", reach.user),
                ("sip_contact_port", reach.port),
                ("sip_contact_uri", reach.uri.partition(":")[2].partition(";")[0]),
                ("sip_contact_host", reach.host),
            ]
        pairs += [
            ("sip_to_tag", to.tag),
            ("sip_from_tag", self._tag),
            ("sip_cseq", str(self._cseq)),
            ("sip_call_id", self._call_id),
        ]
        for name, value in pairs:
            if value:
                set_(name, value)
