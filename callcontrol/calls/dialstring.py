"""The argument of the switch's `bridge`: whom to ring, for how long, and what they may see.

Everything the bridge needs goes into its own argument, because every further command costs the
switch a tick of 20 ms. Nothing a caller wrote gets in: numbers are canonical, names are ours,
and a value that is not made of harmless characters is refused. That matters because the switch
expands `${...}` in the argument, splits it at `,` and `|`, and takes `:_:` for a separator.

Source: the recorded caller-ID recipes and hostile-input facts (fixtures/esl/README.md). The
identity headers are all written by hand (`sip_cid_type=none`): left to itself the switch puts
the caller's own number into From and P-Asserted-Identity, whatever privacy says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from callcontrol.calls.call import Call
from callcontrol.errors import UnsafeArgument
from dialplan import E164, Branch, CallerId, Connect, Dial, present, written_for

_PLAIN = re.compile(r"[A-Za-z0-9+@:;=._*<>/ -]*\Z")
_USER = re.compile(r"[A-Za-z0-9+._*#-]+\Z")
_URI = re.compile(r"sips?:(?P<user>[^@]+)@(?P<host>[^;?]+)")
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z")

ANONYMOUS = "sip:anonymous@anonymous.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where one branch's INVITE goes.

    Attributes:
        user: user part of the request URI.
        host: its host, with the port when there is one.
        leg_uuid: the uuid the leg shall have.
        caller_id: what this destination is told of the caller.
        transport: of the signalling.
    """

    user: str
    host: str
    leg_uuid: str
    caller_id: CallerId
    transport: str = "udp"


def bridge_argument(
    dial: Dial,
    destinations: Sequence[Destination],
    *,
    profile: str,
    progress_s: int,
    on_answer: str | None,
    hides_keys: bool = False,
) -> str:
    """Build the argument of one `bridge`.

    Args:
        dial: for its ring time.
        destinations: one for each branch; they ring together.
        profile: the switch's SIP profile to leave by.
        progress_s: seconds a destination has to give any sign of life.
        on_answer: an api command for the switch to run when a destination answers.
        hides_keys: what the destination presses on its phone is not sent to the caller.

    Raises:
        UnsafeArgument: a part has characters that the switch would take for its own.
    """
    shared = {
        # A 302 would put the caller's leg back into the dialplan, with us still attached.
        "outbound_redirect_fatal": "true",
        "sip_cid_type": "none",
    }
    if on_answer is not None:
        shared["api_on_answer"] = on_answer
    if hides_keys:
        # Read on the leg whose keys it holds back; we are told of them all the same.
        shared["bridge_filter_dtmf"] = "true"
    legs = []
    for destination in destinations:
        own = {
            "origination_uuid": destination.leg_uuid,
            # Whole seconds, on time; the switch's originate_timeout fires up to 1 s early.
            "leg_timeout": str(dial.ring_s),
            "leg_progress_timeout": str(min(progress_s, dial.ring_s)),
            **_identity(destination),
        }
        legs.append(f"{_variables('[]', own)}{_address(destination, profile)}")
    return _variables("{}", shared) + ",".join(legs)


def _identity(destination: Destination) -> dict[str, str]:
    """Write what a destination is told of the caller as variables of its leg."""
    told = destination.caller_id
    if told.from_number is None:
        variables = {
            "sip_from_uri": ANONYMOUS,
            "sip_from_display": "Anonymous",
            "origination_caller_id_number": "anonymous",
            "origination_caller_id_name": "Anonymous",
        }
    else:
        variables = {
            "origination_caller_id_number": told.from_number,
            "origination_caller_id_name": told.display,
        }
    if told.is_private:
        variables["sip_h_Privacy"] = "id"
    if told.asserted is not None:
        uri = f"<sip:{told.asserted}@{destination.host}>"
        privacy = "full" if told.is_private else "off"
        variables |= {
            "pai": {"sip_h_P-Asserted-Identity": uri},
            "rpid": {
                "sip_h_Remote-Party-ID": f"{uri};party=calling;screen=yes;privacy={privacy}"
            },
            "none": {},
        }[told.identity_header]
    if told.diverted_from is not None:
        uri = f"<sip:{told.diverted_from}@{destination.host}>"
        variables |= {
            "diversion": {"sip_h_Diversion": f"{uri};reason=unconditional"},
            "history-info": {"sip_h_History-Info": f"{uri};index=1"},
            "none": {},
        }[told.diversion_header]
    return variables


def _address(destination: Destination, profile: str) -> str:
    if not _USER.match(destination.user) or not _HOST.match(destination.host):
        raise UnsafeArgument(f"{destination.user}@{destination.host} cannot be dialled")
    transport = "" if destination.transport == "udp" else f";transport={destination.transport}"
    return f"sofia/{profile}/{destination.user}@{destination.host}{transport}"


def _variables(brackets: str, variables: Mapping[str, str]) -> str:
    return f"{brackets[0]}{','.join(map(_assign, variables.items()))}{brackets[1]}"


def _assign(variable: tuple[str, str]) -> str:
    name, value = variable
    if not _PLAIN.match(value) or ":_:" in value:
        raise UnsafeArgument(f"{name} may not be {value[:80]!r}")
    return f"{name}='{value}'" if re.search(r"[^A-Za-z0-9+@:._-]", value) else f"{name}={value}"


def destination_of(
    branch: Branch, leg_uuid: str, *, dial: Dial, call: Call, decision: Connect
) -> Destination:
    """Say where a branch's INVITE goes and what it may tell.

    Raises:
        UnsafeArgument: a SIP URI that is none.
    """
    gateway = call.gateways[branch.gateway] if branch.gateway is not None else None
    caller_id = present(
        dial.presentation or decision.presentation, call.caller, decision.number, gateway
    )
    if branch.target.kind == "pstn" and gateway is not None:
        return Destination(
            user=written_for(gateway, E164(branch.target.address)),
            host=f"{gateway.host}:{gateway.port}",
            leg_uuid=leg_uuid,
            caller_id=caller_id,
            transport=gateway.transport,
        )
    uri = _URI.match(branch.target.address)
    if uri is None:
        raise UnsafeArgument(f"{branch.target.address} cannot be dialled")
    return Destination(
        user=uri["user"], host=uri["host"], leg_uuid=leg_uuid, caller_id=caller_id
    )
