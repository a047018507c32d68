"""The caller's leg on the SIP side: 100, 180, 183, 200, refusals, BYE, and what it sends us."""

import itertools
from collections.abc import Callable

from switchsim import sdp
from switchsim.causes import reason_of
from switchsim.channel import Channel
from switchsim.settings import Address, Settings
from switchsim.sip import SipEndpoint
from switchsim.sip_text import (
    ALLOW,
    ALLOW_EVENTS,
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
from switchsim.sip_types import SipMessage, SipTransaction
from switchsim.voice_keys import VoicePort

_cseq = itertools.count(123_200_000)


class CallingLeg:
    """One INVITE of a caller and its dialogue.

    Args:
        invite: the request as sippy parsed it.
        transaction: sippy's server transaction of it.
        voice: where its keys arrive, when it sends them in the voice stream.
        on_signal: gets what the caller does, as functions to run in the call's own time.
    """

    def __init__(
        self,
        invite: SipMessage,
        transaction: SipTransaction,
        *,
        endpoint: SipEndpoint,
        settings: Settings,
        media_port: int,
        voice: VoicePort | None = None,
    ) -> None:
        self.invite = invite
        self._transaction = transaction
        self._endpoint = endpoint
        self._settings = settings
        self.media_port = media_port
        self.voice = voice
        self.media_session = 1_795_480_000 + media_port
        self._version = 1  # of our session description
        self.source: Address = invite.getSource()
        self.call_id = header(invite, "call-id") or ""
        self.tag = token()
        self.media = sdp.read(body(invite))
        self.channel: Channel | None = None
        self.is_answered = False
        self.is_final = False
        self.was_provisional = False
        self.was_cancelled: str | None = None
        self.on_hangup: Callable[[str, str | None], None] = lambda *_: None
        self.on_request_in: Callable[[SipMessage, SipTransaction], None] = lambda *_: None
        self.on_acknowledged: Callable[[SipMessage], None] = lambda *_: None
        endpoint.join(self.call_id, self)
        # The final answer to a CANCEL is sent by sippy the moment it comes.
        self._prepare_487()
        self._respond(100, extra=[("User-Agent", settings.user_agent)], tagged=False)

    def ring(self) -> None:
        """Tells the caller that the destination rings; once."""
        if not self.was_provisional:
            self.was_provisional = True
            self._prepare_487()
            self._respond(180, extra=[self._contact(), *self._feature_headers(accept=True)])

    def progress(self) -> None:
        """Opens early media to the caller."""
        self.was_provisional = True
        self._prepare_487()
        extra = [self._contact(), *self._feature_headers(accept=True)]
        self._respond(183, extra=extra, content=self._answer_sdp(self._host))

    def answer(self) -> None:
        """Answers the caller."""
        self.is_answered = self.is_final = True
        accepts = not self.was_provisional
        extra = [self._contact(), *self._feature_headers(accept=accepts)]
        self._respond(200, extra=extra, content=self._answer_sdp(self._settings.ipv4))

    def refuse(self, code: int, *, reason: str, phrase: str | None = None) -> None:
        """Ends an unanswered call with a SIP answer and a Reason header."""
        if self.is_final:
            return
        self.is_final = True
        hops = self.channel.variables.get("max_forwards") if self.channel else None
        extra = [
            ("Max-Forwards", hops or "70"),
            *self._feature_headers(accept=not self.was_provisional),
            ("Reason", reason),
        ]
        self._respond(code, extra=extra, phrase=phrase)
        self._endpoint.leave(self.call_id)

    def bye(self, cause: str) -> None:
        """Ends an answered call."""
        contact = party(header(self.invite, "contact") or "").uri
        routes = headers(self.invite, "record-route")
        target = target_of(routes[0] if routes else contact, self.source)
        text = request(
            "BYE",
            contact or f"sip:{self.source[0]}:{self.source[1]}",
            local=self._endpoint.address,
            sender=self._local_party(),
            to=header(self.invite, "from") or "",
            call_id=self.call_id,
            cseq=next(_cseq),
            routes=routes,
            extra=[*self._agent_headers(), ("Reason", reason_of(cause))],
        )
        self._endpoint.request(text, target, lambda _: None)
        self._endpoint.leave(self.call_id)

    def send_info(self, content_type: str, content: str) -> None:
        """Sends an INFO inside the dialogue."""
        contact = party(header(self.invite, "contact") or "").uri
        text = request(
            "INFO",
            contact or f"sip:{self.source[0]}:{self.source[1]}",
            local=self._endpoint.address,
            sender=self._local_party(),
            to=header(self.invite, "from") or "",
            call_id=self.call_id,
            cseq=next(_cseq),
            extra=[self._contact(), *self._agent_headers(), ("Content-Type", content_type)],
            content=content,
        )
        self._endpoint.request(text, target_of(contact, self.source), lambda _: None)

    def on_request(self, request_in: SipMessage, transaction: SipTransaction) -> None:
        """A request inside the dialogue: handed to the call."""
        self.on_request_in(request_in, transaction)

    def reply(
        self,
        request_in: SipMessage,
        transaction: SipTransaction,
        code: int,
        *,
        content: str = "",
    ) -> None:
        """Answers a request inside the dialogue."""
        extra = self._agent_headers()[: 1 if code == 100 else None]
        if content:
            agent, *rest = extra
            extra = [self._contact(), agent, ("Accept", "application/sdp"), *rest]
        self._endpoint.respond(
            transaction,
            response(request_in, code, extra=extra, content=content),
            self.on_acknowledged if content else None,
        )

    def reply_media(
        self,
        request_in: SipMessage,
        transaction: SipTransaction,
        direction: str = "sendrecv",
        codecs: tuple[str, ...] = sdp.IN_USE,
    ) -> None:
        """Answers a re-INVITE."""
        self._version += 1
        content = self._answer_sdp(self._settings.ipv4, direction, codecs)
        self.reply(request_in, transaction, 200, content=content)

    def gone(self) -> None:
        """The dialogue is over by the caller's own doing."""
        self.is_final = True
        self._endpoint.leave(self.call_id)

    def on_cancel(self, _time: object, request_in: SipMessage | None) -> None:
        """The caller gave up before the answer; sippy has sent 200 and 487."""
        reason = header(request_in, "reason") if request_in is not None else None
        self.gone()
        self.on_hangup("cancel", reason)

    def on_no_ack(self) -> None:
        """A final answer was never acknowledged."""
        if self.is_answered:
            self.on_hangup("no ack", None)

    def local_sdp(
        self, direction: str = "sendrecv", codecs: tuple[str, ...] = sdp.IN_USE
    ) -> str:
        """The session description as the variable rtp_local_sdp_str has it."""
        return sdp.local_variable(
            session=self.media_session,
            host=self._host,
            port=self.media_port,
            codecs=codecs,
            version=self._version,
            direction=direction,
            events=self._events,
        )

    @property
    def _events(self) -> str | None:
        return self.media.events if self.media else None

    @property
    def _host(self) -> str:
        return self._endpoint.address[0]

    def _answer_sdp(
        self, origin: str, direction: str = "sendrecv", codecs: tuple[str, ...] = sdp.IN_USE
    ) -> str:
        return sdp.answer(
            session=self.media_session,
            origin=origin,
            host=self._host,
            port=self.media_port,
            codecs=codecs,
            version=self._version,
            direction=direction,
            events=self._events,
        )

    def _contact(self) -> tuple[str, str]:
        user = party(f"<{self.invite.getRURI()!s}>").user or "mod_sofia"
        host, port = self._endpoint.address
        return "Contact", f"<sip:{user}@{host}:{port};transport=udp>"

    def _agent_headers(self) -> list[tuple[str, str]]:
        return [
            ("User-Agent", self._settings.user_agent),
            ("Allow", ALLOW),
            ("Supported", SUPPORTED),
        ]

    def _feature_headers(self, *, accept: bool = False) -> list[tuple[str, str]]:
        agent, *rest = self._agent_headers()
        accepts = [("Accept", "application/sdp")] if accept else []
        return [agent, *accepts, *rest, ("Allow-Events", ALLOW_EVENTS)]

    def _identity(self) -> list[tuple[str, str]]:
        """The callee as the caller is told it, in the header the caller uses itself."""
        channel = self.channel
        if channel is None or not self._settings.passes_callee_id:
            return []
        profile = channel.profile
        number = profile.callee_number or profile.destination
        name = profile.callee_name or profile.destination
        if "\n" in name + number:
            return []
        address = f'"{name}" <sip:{number}@{self._host}>'
        if channel.variables.get("sip_cid_type") == "pid":
            return [("P-Asserted-Identity", address)]
        return [("Remote-Party-ID", f"{address};party=calling;privacy=off;screen=no")]

    def _local_party(self) -> str:
        return f"{header(self.invite, 'to')};tag={self.tag}"

    def _prepare_487(self) -> None:
        extra = self._feature_headers(accept=not self.was_provisional)
        answer = response(self.invite, 487, tag=self.tag, extra=extra)
        if self._transaction.tid is not None:
            self._transaction.r487 = answer

    def _respond(
        self,
        code: int,
        *,
        extra: list[tuple[str, str]],
        content: str = "",
        phrase: str | None = None,
        tagged: bool = True,
    ) -> None:
        if code > 100:
            extra = [*extra, *self._identity()]
        answer = response(
            self.invite,
            code,
            tag=self.tag if tagged else "",
            phrase=phrase,
            extra=extra,
            content=content,
        )
        on_ack = self.on_acknowledged if code == 200 else None
        self._endpoint.respond(self._transaction, answer, on_ack)
