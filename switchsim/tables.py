"""`show channels`, `show calls` and `status`, as tables and as JSON."""

import json
import time
from typing import TYPE_CHECKING

from switchsim.channel import Channel

if TYPE_CHECKING:
    from switchsim.switch import Switch

_EMPTY = '{"row_count": 0}\n'
_CALL_FIELDS = (
    "uuid", "direction", "created", "created_epoch", "name", "state", "cid_name", "cid_num",
    "ip_addr", "dest", "presence_id", "presence_data", "accountcode", "callstate",
    "callee_name", "callee_num", "callee_direction", "call_uuid", "hostname",
    "sent_callee_name", "sent_callee_num",
)  # fmt: skip
_OTHER_FIELDS = tuple(field for field in _CALL_FIELDS if field not in {"call_uuid", "hostname"})


def status(switch: "Switch") -> str:
    """The text of `status`."""
    up_us = switch.loop.clock.wall_us() - switch.started_us
    seconds, rest = divmod(up_us, 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    now = len(switch.channels())
    return (
        f"UP 0 years, {days} days, {hours} hours, {minutes} minutes, {seconds} seconds, "
        f"{rest // 1000} milliseconds, {rest % 1000} microseconds\n"
        f"FreeSWITCH (Version {switch.version} switchsim 64bit) is ready\n"
        f"{switch.sessions_so_far} session(s) since startup\n"
        f"{now} session(s) - peak {switch.peak}, last 5min {now} \n"
        "0 session(s) per Sec out of max 1000, peak 0, last 5min 0 \n"
        "10000 session(s) max\n"
        "min idle cpu 0.00/99.00\n"
        "Current Stack Size/Max 240K/8192K\n"
    )


def show(switch: "Switch", argument: str) -> str:
    """The text of `show WHAT [count] [as json]`."""
    words = argument.lower().split()
    what = words[0] if words else ""
    as_json = words[-2:] == ["as", "json"]
    if what in {"channels", "channel"}:
        rows = [_channel_row(switch, channel) for channel in switch.channels()]
    elif what in {"calls", "bridged_calls", "detailed_calls", "distinct_channels"}:
        detailed = what == "detailed_calls"
        rows = [_call_row(switch, *pair, detailed=detailed) for pair in switch.calls()]
    else:
        return "-USAGE: codec|endpoint|…|calls|channels [count] [as xml|as json]\n"
    if "count" in words:
        count = f'{{"row_count":{len(rows)},"rows":[]}}'
        return count if as_json else f"\n{len(rows)} total.\n"
    if as_json:
        if not rows:
            return _EMPTY
        return json.dumps(
            {"row_count": len(rows), "rows": rows}, separators=(",", ":"), ensure_ascii=False
        )
    if not rows:
        return "\n0 total.\n"
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    return "\n".join(lines) + f"\n\n{len(rows)} total.\n"


def _channel_row(switch: "Switch", channel: Channel) -> dict[str, str]:
    profile, variables = channel.profile, channel.variables
    created = profile.times.created // 1_000_000
    codec = ("PCMA", "8000", "64000") if channel.has_codec else ("", "", "")
    application, data = channel.last_application or ("", "")
    sent = variables.get("last_sent_callee_id_number") or ""
    return {
        "uuid": channel.uuid,
        "direction": profile.direction,
        "created": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(created)),
        "created_epoch": str(created),
        "name": channel.name,
        "state": channel.listed_state,
        "cid_name": profile.name,
        "cid_num": profile.number,
        "ip_addr": profile.network_addr,
        "dest": profile.destination,
        "application": application,
        "application_data": data,
        "dialplan": profile.dialplan,
        "context": profile.context,
        "read_codec": codec[0],
        "read_rate": codec[1],
        "read_bit_rate": codec[2],
        "write_codec": codec[0],
        "write_rate": codec[1],
        "write_bit_rate": codec[2],
        "secure": "",
        "hostname": switch.settings.hostname,
        "presence_id": "",
        "presence_data": "",
        "accountcode": variables.get("accountcode") or "",
        "callstate": channel.listed_call_state,
        "callee_name": profile.callee_name,
        "callee_num": profile.callee_number,
        "callee_direction": "SEND" if sent else "",
        "call_uuid": variables.get("call_uuid") or channel.uuid,
        "sent_callee_name": variables.get("last_sent_callee_id_name") or "",
        "sent_callee_num": sent,
        "initial_cid_name": profile.orig_name,
        "initial_cid_num": profile.orig_number,
        "initial_ip_addr": profile.network_addr,
        "initial_dest": profile.destination,
        "initial_dialplan": profile.dialplan,
        "initial_context": profile.context,
    }


def _call_row(
    switch: "Switch", one: Channel, other: Channel | None, *, detailed: bool
) -> dict[str, str]:
    row = _channel_row(switch, one)
    every = tuple(field for field in row if not field.startswith("initial_"))
    shown = {field: row[field] for field in (every if detailed else _CALL_FIELDS)}
    if other is not None:
        peer = _channel_row(switch, other)
        fields = every if detailed else _OTHER_FIELDS
        shown |= {f"b_{field}": peer[field] for field in fields}
        shown["call_created_epoch"] = str(one.profile.times.bridged // 1_000_000)
    return shown
