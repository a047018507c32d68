"""Socket options of each connection with the switch: no delay, and dead peers are found."""

from __future__ import annotations

import socket as os_socket
from typing import Final

from gevent import socket

_IDLE_S: Final = 5
_INTERVAL_S: Final = 2
_PROBES: Final = 3
_UNANSWERED_MS: Final = 10_000


def keep_alive(sock: socket.socket) -> None:
    """Set TCP_NODELAY, and have the kernel end the connection when the peer's machine is gone.

    A silent peer is found dead after 11 s, one that leaves our bytes unacknowledged after 10 s.
    A peer that lives but no longer answers is a matter of deadlines.

    Switches: no.
    """
    sock.setsockopt(os_socket.IPPROTO_TCP, os_socket.TCP_NODELAY, 1)
    sock.setsockopt(os_socket.SOL_SOCKET, os_socket.SO_KEEPALIVE, 1)
    sock.setsockopt(os_socket.IPPROTO_TCP, os_socket.TCP_KEEPIDLE, _IDLE_S)
    sock.setsockopt(os_socket.IPPROTO_TCP, os_socket.TCP_KEEPINTVL, _INTERVAL_S)
    sock.setsockopt(os_socket.IPPROTO_TCP, os_socket.TCP_KEEPCNT, _PROBES)
    sock.setsockopt(os_socket.IPPROTO_TCP, os_socket.TCP_USER_TIMEOUT, _UNANSWERED_MS)
