"""/livez, /readyz and /metrics on one port, on gevent's own WSGI server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gevent import socket
from gevent.pywsgi import WSGIHandler, WSGIServer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from callcontrol.errors import ConfigError

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Readiness = Callable[[], Mapping[str, bool | str]]
"""Says what is to be true, by name: whether it is, or in a few words why not."""


# Who connects and says nothing may take neither all files of the process nor the port for long.
_MOST = 20
_SILENT_S = 10.0


class _Handler(WSGIHandler):
    def handle(self) -> None:
        """Answer what comes over one connection, as long as something comes."""
        self.socket.settimeout(_SILENT_S)
        super().handle()


class HealthServer:
    """Answers three questions: is it alive, can it take calls, what are its figures.

    Args:
        host: address to listen on.
        port: port to listen on; 0 picks a free one.
        registry: the Prometheus series to show.
        ready: what must be true to take calls.
        needs: how much of it; all of it, unless it is `any`.

    Attributes:
        port: the port in use, also when 0 was asked for, once it listens.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        registry: CollectorRegistry,
        ready: Readiness,
        needs: Callable[[Iterable[bool]], bool] = all,
    ) -> None:
        self._registry = registry
        self._ready = ready
        self._needs = needs
        self._server: WSGIServer | None = None
        self._host = host
        self.port = port

    def start(self) -> None:
        """Listen.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self.port))
            listener.listen()
        except OSError as exc:
            listener.close()
            raise ConfigError(
                f"CALLCONTROL_METRICS_PORT: cannot listen on {self._host}:{self.port}: "
                f"{exc.strerror}"
            ) from exc
        self.port = listener.getsockname()[1]
        self._server = WSGIServer(
            listener,
            self._answer,
            log=None,
            error_log=None,
            spawn=_MOST,
            handler_class=_Handler,
        )
        self._server.start()

    def stop(self) -> None:
        """Stop listening at once."""
        if self._server is not None:
            self._server.stop(timeout=0)

    def _answer(self, environ: Mapping[str, Any], start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return [generate_latest(self._registry)]
        if path == "/livez":
            return _text(start, "200 OK", "alive\n")
        if path == "/readyz":
            parts = self._ready()
            lines = "".join(f"{name}: {_word(state)}\n" for name, state in parts.items())
            ready = self._needs(state is True for state in parts.values())
            return _text(start, "200 OK" if ready else "503 Service Unavailable", lines)
        return _text(start, "404 Not Found", "try /metrics, /livez or /readyz\n")


def _word(state: bool | str) -> str:
    if isinstance(state, str):
        return f"no ({state})"
    return "yes" if state else "no"


def _text(start: StartResponse, status: str, body: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [body.encode()]
