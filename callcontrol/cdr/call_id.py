"""CallId: one call's own name, computed from what the switch says and from nothing else.

Strategy: an RFC 9562 version 7 uuid, so ids sort by time. The switch's microsecond of the
channel's creation fills the time fields to the last digit and a hash of the switch's uuid fills
the rest. Two engines that record the same call (one crashed, another took it over) therefore
write the same id, and a unique key is enough to leave one record. And because the instant can
be read back from the id, a table partitioned by that instant still holds an id only once.

    48 bits  milliseconds since the epoch
     4 bits  version 7
    12 bits  the microsecond within the millisecond, 0 to 999   (RFC 9562, 6.2, method 3)
     2 bits  variant
    62 bits  blake2b of the switch's uuid
"""

from __future__ import annotations

import hashlib
import uuid
from typing import NewType

CallId = NewType("CallId", str)

_VERSION = 7 << 76
_VARIANT = 0b10 << 62
_MOST_MS = (1 << 48) - 1


def call_id_for(switch_uuid: str, received_us: int) -> CallId:
    """Name a call.

    Args:
        switch_uuid: the switch's uuid of the caller's leg; any text.
        received_us: when the switch created that leg (Caller-Channel-Created-Time), in
            microseconds since the epoch.

    Raises:
        ValueError: the instant is before 1970 or after the year 10889.
    """
    ms, us = divmod(received_us, 1000)
    if not 0 <= ms <= _MOST_MS:
        raise ValueError(f"{received_us} is not an instant a call id can hold")
    digest = hashlib.blake2b(switch_uuid.encode("utf-8", "surrogatepass"), digest_size=8)
    tail = int.from_bytes(digest.digest(), "big") >> 2
    return CallId(str(uuid.UUID(int=ms << 80 | _VERSION | us << 64 | _VARIANT | tail)))


def received_us_of(call_id: CallId) -> int:
    """Read back the instant a call id was made of, in microseconds since the epoch.

    Raises:
        ValueError: not a call id.
    """
    value = uuid.UUID(call_id).int
    us = value >> 64 & 0xFFF
    if value >> 76 & 0xF != 7 or us > 999:
        raise ValueError(f"{call_id} is not a call id")
    return (value >> 80) * 1000 + us
