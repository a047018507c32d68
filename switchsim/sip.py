"""SIP over UDP: sippy's transactions on a socket of our own loop.

Strategy: sippy parses and keeps the transactions (retransmissions, matching, ACK, CANCEL, the
timers of RFC 3261); what is said in a message is written as text in `sip_text`, so that a
message has exactly the headers the switch would send.
"""

import logging
import warnings
from collections.abc import Callable
from typing import Protocol

from sippy.SipHeader import SipHeader
from sippy.SipTransactionManager import SipTransactionManager
from sippy.Time.Timeout import Timeout
from sippy.Udp_server import Udp_server_opts

from switchsim.encoding import show
from switchsim.loop import Loop
from switchsim.settings import Address
from switchsim.sip_messages import Acknowledgement, OutgoingRequest, OutgoingResponse
from switchsim.sip_types import SipMessage, SipTransaction
from switchsim.udp import UdpEndpoint, UdpWiring

log = logging.getLogger(__name__)

OnResponse = Callable[[SipMessage], None]
# What sippy wants back for a request: response, cancel callback, no-ACK callback.
Handled = tuple[object, object, object] | None


# FreeSWITCH sends an unanswered INVITE again after 1 s, 3 s, 7 s, 15 s and 31 s.
_FIRST_REPEAT_S = 1.0
_TIMERS = ("teA", "teB", "teC", "teD", "teE", "teF", "teG")


class Dialog(Protocol):
    """A leg's SIP side, as it gets requests inside its dialogue."""

    def on_request(self, request: SipMessage, transaction: SipTransaction) -> None:
        """A request other than the first INVITE; must be answered."""


class Caller(Dialog, Protocol):
    """The SIP side of a call that came in."""

    def on_cancel(self, time: object, request: SipMessage | None) -> None:
        """The caller gave up before the answer."""

    def on_no_ack(self) -> None:
        """A final answer was never acknowledged."""


class QuietLogger:
    """What sippy writes its log with."""

    def write(self, *texts: object, **_: object) -> None:
        """Passes messages on to logging, where nobody looks unless asked to."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s", "".join(str(text) for text in texts))


class _Manager(SipTransactionManager):
    model_udp_server = (UdpEndpoint, Udp_server_opts)

    def incomingRequest(  # noqa: N802
        self, msg: SipMessage, checksum: bytes, tids: object, server: object
    ) -> None:
        """Lets the 200 of a CANCEL carry the tag the INVITE's answers have."""
        if msg.getMethod() == "CANCEL":
            invite = self.tserver.get(msg.getTId(wBRN=True))
            if invite is not None and invite.r487 is not None:
                msg.getHFBody("to").setTag(invite.r487.getHFBody("to").getTag())
        super().incomingRequest(msg, checksum, tids, server)

    def transmitReq(  # noqa: N802
        self,
        t: SipTransaction,
        msg: SipMessage,
        address: Address,
        *rest: object,
        **more: object,
    ) -> None:
        """Sends the ACK of a refusal where the INVITE went."""
        if isinstance(msg, Acknowledgement) and not msg.is_for_answer:
            address = t.address
        super().transmitReq(t, msg, address, *rest, **more)

    def repeat_slowly(self, t: SipTransaction) -> None:
        """Repeats an INVITE as late as FreeSWITCH does; sippy would after half a second."""
        if t.teA is not None:
            t.teA.cancel()
            t.tout = _FIRST_REPEAT_S
            t.teA = Timeout(self.timerA, t.tout, 1, t)


class SipEndpoint:
    """Sends and receives messages for every leg of one switch."""

    def __init__(
        self,
        *,
        loop: Loop,
        bind: Address,
        user_agent: str,
        on_call: Callable[[SipMessage, SipTransaction], Caller | None],
    ) -> None:
        self._on_call = on_call
        self._dialogs: dict[str, Dialog] = {}
        self._waiting: dict[Address, list[tuple[SipTransaction, OnResponse]]] = {}
        configuration = {
            "_sip_address": bind[0],
            "_sip_port": bind[1],
            "_sip_logger": QuietLogger(),
            "wiring": UdpWiring(
                loop=loop, on_unreachable=self._unreachable, user_agent=user_agent
            ),
        }
        with warnings.catch_warnings():
            # sippy tries an IPv6 socket out and leaves it to be collected.
            warnings.simplefilter("ignore", ResourceWarning)
            self._manager = _Manager(configuration, self._incoming)
        server = self._manager.l4r.getServer(bind)
        self.address: Address = server.uopts.laddress

    def close(self) -> None:
        """Closes the socket and drops every transaction."""
        manager = self._manager
        for transaction in (*manager.tclient.values(), *manager.tserver.values()):
            for name in _TIMERS:
                timer = getattr(transaction, name, None)
                if timer is not None:
                    timer.cancel()
        manager.shutdown()

    def join(self, call_id: str, dialog: Dialog) -> None:
        """Requests with this Call-ID go to `dialog` from now on."""
        self._dialogs[call_id] = dialog

    def leave(self, call_id: str) -> None:
        """The dialogue is over."""
        self._dialogs.pop(call_id, None)

    def request(self, text: str, target: Address, on_response: OnResponse) -> SipTransaction:
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
            self._manager.repeat_slowly(transaction)
            self._waiting.setdefault(target, []).append((transaction, on_response))
        return transaction

    def settled(self, transaction: SipTransaction, target: Address) -> None:
        """The INVITE got its first response: a closed port means nothing any more."""
        waiting = [
            entry for entry in self._waiting.get(target, ()) if entry[0] is not transaction
        ]
        if waiting:
            self._waiting[target] = waiting
        else:
            self._waiting.pop(target, None)

    def cancel(self, transaction: SipTransaction, reason: str) -> None:
        """Cancels an INVITE; without a provisional response nothing is sent."""
        if transaction.tid is not None:
            header = SipHeader(name="reason", bodys=reason)
            self._manager.cancelTransaction(transaction, extra_headers=[header])

    def respond(
        self,
        transaction: SipTransaction,
        response: OutgoingResponse,
        on_ack: OnResponse | None = None,
    ) -> bool:
        """Sends a response; False when the transaction has its final one already."""
        if transaction.tid is None:
            return False
        try:
            self._manager.sendResponse(response, transaction, ack_cb=on_ack)
        except ValueError:
            return False
        return True

    def _incoming(self, request: SipMessage, transaction: SipTransaction) -> Handled:
        dialog = self._dialogs.get(show(str(request.getHFBody("call-id"))))
        to_tag = request.getHFBody("to").getTag()
        if request.getMethod() == "INVITE" and not to_tag and dialog is None:
            # A caller may wait for as long as it likes: sippy would give up after 300 s.
            transaction.teE.cancel()
            transaction.teE = None
            caller = self._on_call(request, transaction)
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
