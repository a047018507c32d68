"""Everything about a stand-in switch that can be chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from switchsim.dialplan import Dialplan

Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A named next hop of `sofia/gateway/NAME/number`."""

    name: str
    host: str
    port: int = 5060
    from_user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One switch. Ports of 0 are chosen by the system and told when it is ready.

    Args:
        passes_callee_id: tell the caller the destination's number in P-Asserted-Identity, as
            a profile does that does not say `pass-callee-id=false`.
        cdr_folder: where `cdr-csv/Master.csv` is written; None: nowhere.
        connect_patience_s: how long an engine may stay silent after its connection.
    """

    sip: Address
    event_socket: Address
    password: str
    dialplan: Dialplan
    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    profile: str = "external"
    context: str = "public"
    hostname: str = "switchsim"
    ipv4: str = "127.0.0.1"
    user_agent: str = "FreeSWITCH-mod_sofia/1.11.3-dev~switchsim"
    passes_callee_id: bool = False
    first_media_port: int = 20_000
    cdr_folder: Path | None = None
    connect_patience_s: float = 25.0
    globals: Mapping[str, str] = field(default_factory=dict)


def address(text: str) -> Address:
    """`host:port` as an address.

    Raises:
        ValueError: it is not that.
    """
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"not a host:port: {text!r}")
    return host, int(port)
