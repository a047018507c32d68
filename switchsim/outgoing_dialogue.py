"""The SIP dialogue with a destination: INVITE, CANCEL, BYE, INFO, and answers to requests."""

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from switchsim import sdp
from switchsim.called_text import invite_headers, sender_of
from switchsim.settings import Address
from switchsim.sip_text import (
    ALLOW,
    SUPPORTED,
    header,
    headers,
    party,
    request,
    response,
    target_of,
    token,
)
from switchsim.sip_types import SipMessage, SipTransaction

if TYPE_CHECKING:
    from switchsim.called import CalledLeg
    from switchsim.channel import Channel
    from switchsim.switch import Switch

_cseq = itertools.count(123_204_000)
_FIRST_SESSION = 1_795_480_000


class OutgoingDialogue:
    """One dialogue we begin.

    Args:
        uri: the request URI, `sip:…`.
        target: where the INVITE goes.
        codecs: what to offer.
        events: the payload type to offer keys in the voice stream as; None: not at all.
    """

    def __init__(
        self,
        switch: "Switch",
        channel: "Channel",
        *,
        uri: str,
        target: Address,
        codecs: tuple[str, ...],
        events: str | None = None,
    ) -> None:
        self._switch = switch
        self._events = events
        self._endpoint = switch.endpoint
        self.uri = uri
        self.target = target
        self.call_id = switch.new_uuid()
        self.tag = token()
        self.cseq = next(_cseq)
        self.media_port, self.voice = switch.open_voice(events)
        host = switch.endpoint.address[0]
        self.sender = f"{sender_of(channel, host)};tag={self.tag}"
        self.to = f"<{uri}>"
        self.offer = sdp.offer(
            session=_FIRST_SESSION + self.media_port,
            host=host,
            port=self.media_port,
            codecs=codecs or ("PCMA", "PCMU"),
            events=events,
        )
        self.is_over = False
        self._version = 1  # of our session description
        self._transaction: SipTransaction = None
        self._remote_uri = uri
        self._routes: list[str] = []
        self._is_settled = False

    def invite(self, leg: "CalledLeg", on_response: Callable[[SipMessage], None]) -> None:
        """Sends the INVITE; requests of the destination go to `leg` from now on."""
        settings = self._switch.settings
        text = request(
            "INVITE",
            self.uri,
            local=self._endpoint.address,
            sender=self.sender,
            to=self.to,
            call_id=self.call_id,
            cseq=self.cseq,
            max_forwards=leg.channel.variables.number("max_forwards") or 69,
            extra=invite_headers(
                leg.channel,
                self._endpoint.address,
                settings.user_agent,
                announces=settings.passes_callee_id,
            ),
            content=self.offer,
        )
        self._endpoint.join(self.call_id, leg)
        self._transaction = self._endpoint.request(text, self.target, on_response)

    def learn(self, message: SipMessage) -> None:
        """Takes from a response what later requests need."""
        if not self._is_settled:
            self._is_settled = True
            self._endpoint.settled(self._transaction, self.target)
        code = message.getSCode()[0]
        if code > 100:
            self.to = header(message, "to") or self.to
        if 200 <= code < 300:
            contact = header(message, "contact")
            self._remote_uri = party(contact).uri if contact else self.uri
            self._routes = list(reversed(headers(message, "record-route")))

    def cancel(self, reason: str) -> None:
        """Gives the INVITE up; nothing is sent before a provisional response."""
        if self._transaction is not None:
            self._endpoint.cancel(self._transaction, reason)

    def bye(self, reason: str) -> None:
        """Ends the dialogue after an answer."""
        self._send("BYE", [*self._agent_headers(), ("Reason", reason)])
        self.end()

    def info(self, content_type: str, content: str) -> None:
        """Sends an INFO."""
        host, port = self._endpoint.address
        contact = ("Contact", f"<sip:mod_sofia@{host}:{port}>")
        extra = [contact, *self._agent_headers(), ("Content-Type", content_type)]
        self._send("INFO", extra, content)

    def reply(
        self, request_in: SipMessage, transaction: SipTransaction, code: int = 200
    ) -> None:
        """Answers a request of the destination."""
        extra = self._agent_headers()[: 1 if code == 100 else None]
        self._endpoint.respond(transaction, response(request_in, code, extra=extra))

    def reply_media(
        self,
        request_in: SipMessage,
        transaction: SipTransaction,
        *,
        on_ack: Callable[[SipMessage], None],
        direction: str = "sendrecv",
        codecs: tuple[str, ...] = sdp.IN_USE,
    ) -> None:
        """Answers a re-INVITE of the destination."""
        host, port = self._endpoint.address
        self._version += 1
        content = sdp.answer(
            session=_FIRST_SESSION + self.media_port,
            origin=self._switch.settings.ipv4,
            host=host,
            port=self.media_port,
            codecs=codecs,
            version=self._version,
            direction=direction,
            events=self._events,
        )
        agent, *rest = self._agent_headers()
        contact = ("Contact", f"<sip:mod_sofia@{host}:{port}>")
        extra = [contact, agent, ("Accept", "application/sdp"), *rest]
        answer = response(request_in, 200, extra=extra, content=content)
        self._endpoint.respond(transaction, answer, on_ack)

    def local_sdp(
        self, direction: str = "sendrecv", codecs: tuple[str, ...] = sdp.IN_USE
    ) -> str:
        """The session description as the variable rtp_local_sdp_str has it."""
        return sdp.local_variable(
            session=_FIRST_SESSION + self.media_port,
            host=self._endpoint.address[0],
            port=self.media_port,
            codecs=codecs,
            version=self._version,
            direction=direction,
            events=self._events,
        )

    def end(self) -> None:
        """The dialogue is over: nothing more comes of it."""
        self.is_over = True
        self._endpoint.leave(self.call_id)

    def _send(self, method: str, extra: list[tuple[str, str]], content: str = "") -> None:
        self.cseq += 1
        text = request(
            method,
            self._remote_uri,
            local=self._endpoint.address,
            sender=self.sender,
            to=self.to,
            call_id=self.call_id,
            cseq=self.cseq,
            routes=self._routes,
            extra=extra,
            content=content,
        )
        hop = self._routes[0] if self._routes else self._remote_uri
        self._endpoint.request(text, target_of(hop, self.target), lambda _: None)

    def _agent_headers(self) -> list[tuple[str, str]]:
        agent = self._switch.settings.user_agent
        return [("User-Agent", agent), ("Allow", ALLOW), ("Supported", SUPPORTED)]
