"""sippy's UDP server on our own loop: no threads, and closed ports reported.

The socket asks the kernel for ICMP errors, because a closed port at the destination ends an
attempt at once.
"""

import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sippy.Network_server import Network_server, Remote_address
from sippy.Time.MonoTime import MonoTime
from sippy.Udp_server import Udp_server_opts

from switchsim import refusals
from switchsim.encoding import from_sippy, hide
from switchsim.loop import Loop
from switchsim.settings import Address
from switchsim.sip_text import ALLOW, token
from switchsim.taming import tame

log = logging.getLogger(__name__)

_IP_RECVERR = 11
_BURST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpWiring:
    """What the server needs of us; travels through sippy's configuration."""

    loop: Loop
    on_unreachable: Callable[[Address], None]
    user_agent: str


class UdpEndpoint(Network_server):
    """One UDP socket of the switch."""

    transport = "udp"

    def __init__(self, config: dict[str, object], options: Udp_server_opts) -> None:
        super().__init__(options)
        wiring = config["wiring"]
        assert isinstance(wiring, UdpWiring)  # noqa: S101  put there by SipEndpoint
        self._loop = wiring.loop
        self._on_unreachable = wiring.on_unreachable
        self._agent = wiring.user_agent
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        try:
            self._socket.bind(self.uopts.laddress)
        except OSError:
            self._socket.close()
            raise
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
            self._take(data, source)

    def _take(self, data: bytes, source: Address) -> None:
        text = data.decode("latin-1")
        if not text.startswith("SIP/2.0 "):
            request = refusals.read(text)
            refused = refusals.refusal(request) if request else refusals.SILENCE
            if refused is not None:
                if request is not None and refused.code and request.method != "ACK":
                    answer = refusals.response(
                        request, refused, tag=token(), agent=self._agent, allow=ALLOW
                    )
                    self.send_to(answer.encode("latin-1"), source)
                return
        # Anything a peer sends may be broken: sippy reports it and goes on.
        self.handle_read(tame(hide(text)), Remote_address(source, "udp"), MonoTime())

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
