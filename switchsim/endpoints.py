"""Endpoints: `sofia/PROFILE/user@host:port` and `sofia/gateway/NAME/number`."""

from dataclasses import dataclass

from switchsim.settings import Address, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a leg is rung: request URI, next hop, and the user of the URI."""

    uri: str
    target: Address
    user: str


def resolve(settings: Settings, endpoint: str) -> Place | str:
    """The place an endpoint names; the cause the attempt fails with when it names none."""
    kind, _, rest = endpoint.partition("/")
    profile, _, where = rest.partition("/")
    if kind.lower() != "sofia":
        return "CHAN_NOT_IMPLEMENTED"
    if profile == "gateway":
        return _through_gateway(settings, where)
    if profile != settings.profile:
        return "INVALID_PROFILE"
    user, at, host = where.rpartition("@")
    if not at or not host:
        return "DESTINATION_OUT_OF_ORDER"
    name, _, port = host.partition(";")[0].partition(":")
    target = (name, int(port) if port.isdigit() else 5060)
    return Place(uri=f"sip:{user}@{host}", target=target, user=user)


def _through_gateway(settings: Settings, where: str) -> Place | str:
    name, _, number = where.partition("/")
    gateway = settings.gateways.get(name)
    if gateway is None or not number:
        return "INVALID_GATEWAY"
    target = (gateway.host, gateway.port)
    return Place(uri=f"sip:{number}@{gateway.host}:{gateway.port}", target=target, user=number)
