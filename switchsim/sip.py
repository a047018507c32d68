"""SIP over UDP: sippy's transactions on a socket of our own loop.

Strategy: sippy parses and keeps the transactions (retransmissions, matching, ACK, CANCEL, the
timers of RFC 3261); what is said in a message is written as text in `sip_text`, so that a
message has exactly the headers the switch would send. The socket asks the kernel for ICMP
errors, because a closed port at the destination ends an attempt at once.
"""

import logging
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from sippy.Network_server import Network_server, Remote_address
from sippy.SipHeader import SipHeader
from sippy.SipRequest import SipRequest
from sippy.SipTransactionManager import SipTransactionManager
from sippy.Time.MonoTime import MonoTime
from sippy.Udp_server import Udp_server_opts

from switchsim.encoding import from_sippy, show, to_sippy
from switchsim.loop import Loop
from switchsim.settings import Address

log = logging.getLogger(__name__)

_IP_RECVERR = 11
_REPORT = struct.Struct("IBBBBII")
_BURST = 64


class Dialog(Protocol):
    """A leg's SIP side, as it gets requests inside its dialogue."""

    def on_request(self, request: Any, transaction: Any) -> None:
        """A request other than the first INVITE; must be answered."""


class QuietLogger:
    """What sippy writes its log with."""

    def write(self, *texts: object, **_: object) -> None:
        """Passes messages on to logging, where nobody looks unless asked to."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s", "".join(str(text) for text in texts))


class _Acknowledgement(SipRequest):
    """The ACK sippy makes of our INVITE, with the URI and headers it should have.

    sippy sends the ACK of a refusal to the refusal's Contact; RFC 3261 17.1.1.3 has it repeat
    the INVITE's request URI and branch.
    """

    invite_uri: Any = None
    invite_branch = ""
    contact = ""

    @property
    def is_for_answer(self) -> bool:
        """Whether it acknowledges a 2xx: sippy gave it a branch of its own."""
        return bool(self.getHFBody("via").getBranch() != self.invite_branch)

    def localStr(self, local_addr: object = None, compact: bool = False) -> str:  # noqa: N802
        """The text to send."""
        if self.is_for_answer:
            self.delHFs("max-forwards")
            self.appendHeader(SipHeader(name="max-forwards", bodys="70"))
            self.appendHeader(SipHeader(name="contact", bodys=self.contact))
        else:
            self.setRURI(self.invite_uri)
        return str(super().localStr(local_addr, compact))


class OutgoingRequest(SipRequest):
    """A request sent letter by letter as written."""

    def __init__(self, text: str, target: Address) -> None:
        super().__init__(text)
        self.setTarget((target, "udp"))
        self._text = text

    def genACK(self, to: Any = None) -> _Acknowledgement:  # noqa: N802
        """The ACK of this INVITE."""
        made = super().genACK(to)
        ack = _Acknowledgement.__new__(_Acknowledgement)
        ack.__dict__.update(made.__dict__)
        ack.delHFs("user-agent")
        ack.invite_uri = self.getRURI()
        ack.invite_branch = self.getHFBody("via").getBranch()
        ack.contact = str(self.getHFBody("contact"))
        return ack

    def genCANCEL(self) -> Any:  # noqa: N802
        """The CANCEL of this INVITE."""
        cancel = super().genCANCEL()
        cancel.delHFs("user-agent")
        return cancel

    def localStr(self, local_addr: object = None, compact: bool = False) -> str:  # noqa: N802
        """The text to send."""
        return self._text


class OutgoingResponse:
    """A response sent letter by letter as written; as much of one as sippy looks at."""

    lossemul = 0

    def __init__(self, code: int, text: str, *, via: Any, to: Any) -> None:
        self._code = code
        self._text = text
        self._bodies = {"via": via, "to": to}

    def getSCode(self) -> tuple[int, str]:  # noqa: N802
        """Code and phrase."""
        return self._code, ""

    def getHFBody(self, name: str) -> Any:  # noqa: N802
        """The headers sippy asks for."""
        return self._bodies[name]

    def localStr(self, local_addr: object = None, compact: bool = False) -> str:  # noqa: N802
        """The text to send."""
        return self._text


class _Endpoint(Network_server):
    """sippy's UDP server on our loop: no threads, and ICMP errors reported."""

    transport = "udp"

    def __init__(self, config: dict[str, Any], options: Any) -> None:
        super().__init__(options)
        self._loop: Loop = config["loop"]
        self._on_unreachable: Callable[[Address], None] = config["on_unreachable"]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        self._socket.bind(self.uopts.laddress)
        self.uopts.laddress = self._socket.getsockname()
        self._loop.watch(self._socket, read=self._read)

    def send_to(self, data: bytes | str, address: Address, delayed: bool = False) -> None:
        """Sends at once; what the kernel refuses is lost, as on any network."""
        payload = from_sippy(data) if isinstance(data, str) else data
        try:
            self._socket.sendto(payload, address)
        except ConnectionRefusedError:
            # The error belongs to an earlier message: fetch it, then send this one.
            self._read_errors()
            self._loop.soon(lambda: self._resend(payload, address))
        except OSError as error:
            log.debug("cannot send to %s: %s", address, error)
            self._loop.soon(lambda: self._on_unreachable(address))

    def _resend(self, payload: bytes, address: Address) -> None:
        try:
            self._socket.sendto(payload, address)
        except OSError as error:
            log.debug("cannot send to %s: %s", address, error)

    def _read(self) -> None:
        for _ in range(_BURST):
            try:
                data, source = self._socket.recvfrom(65_535)
            except BlockingIOError:
                return
            except OSError:
                self._read_errors()
                continue
            # Anything a peer sends may be broken: sippy reports it and goes on.
            self.handle_read(to_sippy(data), Remote_address(source, "udp"), MonoTime())

    def _read_errors(self) -> None:
        for _ in range(_BURST):
            try:
                _, reports, _, peer = self._socket.recvmsg(1, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            known = any(level == socket.IPPROTO_IP for level, _, _ in reports)
            if known and len(peer) >= 2:
                address: Address = (peer[0], peer[1])
                self._loop.soon(partial(self._on_unreachable, address))

    def shutdown(self) -> None:
        """Closes the socket."""
        self._loop.watch(self._socket)
        self._socket.close()

    def join(self) -> None:
        """There is no thread to wait for."""


class _Manager(SipTransactionManager):
    model_udp_server = (_Endpoint, Udp_server_opts)

    def incomingRequest(  # noqa: N802
        self, msg: Any, checksum: bytes, tids: Any, server: Any
    ) -> None:
        """Lets the 200 of a CANCEL carry the tag the INVITE's answers have."""
        if msg.getMethod() == "CANCEL":
            invite = self.tserver.get(msg.getTId(wBRN=True))
            if invite is not None and invite.r487 is not None:
                msg.getHFBody("to").setTag(invite.r487.getHFBody("to").getTag())
        super().incomingRequest(msg, checksum, tids, server)

    def transmitReq(  # noqa: N802
        self, t: Any, msg: Any, address: Address, *rest: Any, **more: Any
    ) -> None:
        """Sends the ACK of a refusal where the INVITE went."""
        if isinstance(msg, _Acknowledgement) and not msg.is_for_answer:
            address = t.address
        super().transmitReq(t, msg, address, *rest, **more)


class SipEndpoint:
    """Sends and receives messages for every leg of one switch."""

    def __init__(
        self, *, loop: Loop, bind: Address, on_call: Callable[[Any, Any], "Dialog | None"]
    ) -> None:
        self._on_call = on_call
        self._dialogs: dict[str, Dialog] = {}
        self._waiting: dict[Address, list[tuple[Any, Callable[[Any], None]]]] = {}
        self._manager = _Manager(
            {
                "_sip_address": bind[0],
                "_sip_port": bind[1],
                "_sip_logger": QuietLogger(),
                "loop": loop,
                "on_unreachable": self._unreachable,
            },
            self._incoming,
        )
        server = self._manager.l4r.getServer(bind)
        self.address: Address = server.uopts.laddress

    def close(self) -> None:
        """Closes the socket."""
        self._manager.shutdown()

    def join(self, call_id: str, dialog: Dialog) -> None:
        """Requests with this Call-ID go to `dialog` from now on."""
        self._dialogs[call_id] = dialog

    def leave(self, call_id: str) -> None:
        """The dialogue is over."""
        self._dialogs.pop(call_id, None)

    def request(self, text: str, target: Address, on_response: Callable[[Any], None]) -> Any:
        """Starts a client transaction.

        Args:
            text: the whole request.
            target: where to send it.
            on_response: called with every response, and with a 408 or 503 of our own making
                when none comes or the port is closed.

        Returns:
            A handle for `cancel`.
        """
        transaction = self._manager.newTransaction(
            OutgoingRequest(text, target), resp_cb=on_response
        )
        if transaction.method == "INVITE":
            self._waiting.setdefault(target, []).append((transaction, on_response))
        return transaction

    def settled(self, transaction: Any, target: Address) -> None:
        """The INVITE got its first response: a closed port means nothing any more."""
        waiting = [
            entry for entry in self._waiting.get(target, ()) if entry[0] is not transaction
        ]
        if waiting:
            self._waiting[target] = waiting
        else:
            self._waiting.pop(target, None)

    def cancel(self, transaction: Any, reason: str) -> None:
        """Cancels an INVITE; without a provisional response nothing is sent."""
        if transaction.tid is not None:
            header = SipHeader(name="reason", bodys=reason)
            self._manager.cancelTransaction(transaction, extra_headers=[header])

    def respond(
        self,
        transaction: Any,
        response: OutgoingResponse,
        on_ack: Callable[[Any], None] | None = None,
    ) -> bool:
        """Sends a response; False when the transaction has its final one already."""
        if transaction.tid is None:
            return False
        try:
            self._manager.sendResponse(response, transaction, ack_cb=on_ack)
        except ValueError:
            return False
        return True

    def _incoming(self, request: Any, transaction: Any) -> Any:
        dialog = self._dialogs.get(show(str(request.getHFBody("call-id"))))
        to_tag = request.getHFBody("to").getTag()
        if request.getMethod() == "INVITE" and not to_tag and dialog is None:
            # A caller may wait for as long as it likes: sippy would give up after 300 s.
            transaction.teE.cancel()
            transaction.teE = None
            caller: Any = self._on_call(request, transaction)
            return (None, caller.on_cancel, caller.on_no_ack) if caller else None
        if dialog is None:
            code, phrase = (200, "OK") if request.getMethod() == "OPTIONS" else (481, "Gone")
            return request.genResponse(code, phrase), None, None
        dialog.on_request(request, transaction)
        return None, None, None

    def _unreachable(self, peer: Address) -> None:
        for transaction, on_response in self._waiting.pop(peer, []):
            if transaction.tid is None or not transaction.r408:
                continue
            gone = transaction.r408
            gone.setSCode(503, "Service Unavailable")
            for timer in (transaction.teA, transaction.teB):
                if timer is not None:
                    timer.cancel()
            self._manager.tclient.pop(transaction.tid, None)
            transaction.cleanup()
            on_response(gone)
