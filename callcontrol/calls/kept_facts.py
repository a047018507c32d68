"""What the switch keeps of a call for us, in variables of the caller's leg.

`cc_engine` names the engine whose call it is, `cc_call` what that knows of it, `cc_changes` the
changes of level so far.

Only we know which number, tariff, level and target a call has; the journal holds it. Should the
journal be lost with its disk, the switch still has it: it tells the variable with the leg while
that is up, and writes it into its own record when it ends. All else (who called, when the leg
was created, answered, hung up) the switch knows by itself, and the call's id follows from it.

They are set in the same segment as the bridge, for which nobody waits: 0.5 ms of the switch's
time. A value is base64url of JSON, because the switch splits commands at `;` and
escapes nothing in its records. The caller is not in it: those records are to hold no caller.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from callcontrol.calls.call import Call
from callcontrol.calls.caller import Network, caller_of
from callcontrol.cdr import Cdr, CdrAttempt, call_id_for, codec
from callcontrol.errors import WireError
from callcontrol.esl import command, switch_cdrs
from callcontrol.esl.command import Command
from callcontrol.esl.event import Event
from dialplan import Caller

ENGINE = "cc_engine"
VARIABLE = "cc_call"
CHANGES = "cc_changes"
FLAG = "journal_lost"

_MOST_CHANGES = 50  # some 9 kB

# Of a draft: what the switch says itself, and who called.
_SWITCH_KNOWS = frozenset(
    {
        "call_id", "switch_uuid", "switch", "engine", "dialled", "caller", "caller_raw",
        "caller_withheld", "received_us", "ringing_us", "answered_us", "other_leg_uuid",
        "attempts", "changes",
    }
)  # fmt: skip
_KEPT = [field.name for field in fields(Cdr) if field.name not in _SWITCH_KNOWS]
_NOTHING: Sequence[object] = (None, (), "")

# What every draft says of a call that has not ended; it goes without saying, since each byte of
# a command costs the switch more than a microsecond.
_UNENDED: Mapping[str, object] = {
    "disposition": "failed",
    "released_by": "unknown",
    "hangup_cause": "NORMAL_UNSPECIFIED",
    "metered_us": 0,
    "closed_how": "normal",
}


def keep(call: Call, engine: str) -> Command:
    """Give the command by which the switch keeps what we know of a call. Switches: no.

    Args:
        call: decided, with its draft; what is dialled now is the last of its tries.
        engine: the engine's name.
    """
    this = call.tries[-1]
    facts = {
        "draft": {
            name: value
            for name in _KEPT
            if (value := getattr(call.draft, name)) not in _NOTHING
            and (name not in _UNENDED or _UNENDED[name] != value)
        },
        "step": this.dial.step + 1,
        "branches": [
            [leg_uuid, branch.target.address, branch.gateway]
            for leg_uuid, branch in zip(this.leg_uuids, this.dial.branches, strict=True)
        ],
    }
    variables = f"{ENGINE}={engine};{VARIABLE}={written(facts)}"
    return command.api("uuid_setvar_multi", call.leg_uuid, variables)


def keep_changes(call: Call) -> Command | None:
    """Give the command by which the switch keeps the changes of level so far. Switches: no.

    Returns:
        None when there are so many that they would burden every event of the leg.
    """
    changes = [one for one in call.changes if one.in_force_us is not None]
    if len(changes) > _MOST_CHANGES:
        return None
    return command.api("uuid_setvar", call.leg_uuid, CHANGES, written(changes))


def owned(leg_uuid: str, engine: str) -> Command:
    """Give the command by which a call becomes another engine's. Switches: no."""
    return command.api("uuid_setvar", leg_uuid, ENGINE, engine)


def written(facts: object) -> str:
    """Write facts as a variable may hold them. Switches: no."""
    text = codec.compact(facts)
    # Without the padding: a value may hold no `=`.
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def kept(value: str | None) -> Any:  # noqa: ANN401  whatever was written
    """Read a variable back; None when it was not set, or not by us."""
    try:
        return json.loads(base64.urlsafe_b64decode(f"{value or ''}==="))
    except (binascii.Error, ValueError, RecursionError):
        return None


def draft_from(leg: Event, engine: str, trunks: Sequence[Network] = ()) -> Cdr | None:
    """Write down what is known of a call whose journal is lost.

    Args:
        leg: all that the switch tells of the caller's leg, while it is up or when it has ended.
        engine: whose calls are wanted.
        trunks: the networks whose asserted identities are believed.

    Returns:
        The draft of its record; None for a leg that is not a call of this engine's, or whose
        facts have a shape we do not know.
    """
    facts = kept(leg.variable(VARIABLE))
    created_us = leg.created_us
    if not isinstance(facts, dict) or leg.variable(ENGINE) != engine or created_us is None:
        return None
    # The switch's own record does not say who called: nobody may be shown it then.
    is_unknown = leg.name == switch_cdrs.NAME
    caller = (
        Caller(raw="", number=None, withheld=True) if is_unknown else caller_of(leg, trunks)
    )
    flags = (FLAG, "caller_unknown") if is_unknown else (FLAG,)
    other_leg = leg.other_leg_uuid or leg.variable("bridge_uuid")
    try:
        attempts = [
            codec.plain(_attempt(branch, facts["step"], leg, other_leg))
            for branch in facts["branches"]
        ]
        told = {
            **_UNENDED,
            **facts["draft"],
            "call_id": call_id_for(leg.uuid, created_us),
            "switch_uuid": leg.uuid,
            "switch": leg.header("FreeSWITCH-Switchname") or "",
            "engine": engine,
            "dialled": leg.header("Caller-Destination-Number") or facts["draft"]["number"],
            "caller": caller.number,
            "caller_raw": caller.raw,
            "caller_withheld": caller.withheld,
            "received_us": created_us,
            "answered_us": leg.answered_us,
            "other_leg_uuid": other_leg if leg.answered_us else None,
            "attempts": attempts,
            "changes": kept(leg.variable(CHANGES)) or [],
            "flags": [*facts["draft"].get("flags", ()), *flags],
        }
        return Cdr.from_json(json.dumps(told))
    except (KeyError, TypeError, ValueError, WireError):
        return None


def _attempt(branch: list[Any], step: int, leg: Event, other_leg: str | None) -> CdrAttempt:
    leg_uuid, target, gateway = branch
    has_answered = leg_uuid == other_leg and leg.answered_us is not None
    return CdrAttempt(
        step=step,
        target=target,
        gateway=gateway,
        started_us=leg.created_us or 0,
        answered_us=leg.answered_us if has_answered else None,
        is_answered=has_answered,
        cause=None if has_answered or leg.answered_us is None else "LOSE_RACE",
        sip_code=200 if has_answered else None,
        leg_uuid=leg_uuid,
    )
