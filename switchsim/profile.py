"""The caller profile: who calls whom on one leg and when each thing happened to it."""

import time
from dataclasses import dataclass, field, replace

Header = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class Times:
    """Moments of a leg, in µs since the epoch; 0 where it has not happened."""

    profile_created: int = 0
    created: int = 0
    answered: int = 0
    progress: int = 0
    progress_media: int = 0
    hungup: int = 0
    transferred: int = 0
    resurrected: int = 0
    bridged: int = 0
    last_hold: int = 0
    hold_accum: int = 0


@dataclass(slots=True, kw_only=True)
class CallerProfile:
    """The parties of a leg as events show them; empty texts are left out."""

    uuid: str
    channel_name: str
    destination: str
    number: str = ""
    name: str = ""
    orig_number: str = ""
    orig_name: str = ""
    callee_name: str = ""
    callee_number: str = ""
    username: str = ""
    ani: str = ""
    rdnis: str = ""
    network_addr: str = ""
    context: str = "public"
    dialplan: str = "XML"
    direction: str = "inbound"
    logical_direction: str = "inbound"
    index: str = "1"
    screen: bool = True
    hide_name: bool = False
    hide_number: bool = False
    times: Times = field(default_factory=Times)
    holds: list[tuple[int, int]] = field(default_factory=list)  # from, until; newest first

    def copy(self, *, timeless: bool = False) -> "CallerProfile":
        """A snapshot; `timeless` is what the other side of a new leg shows."""
        times = Times() if timeless else replace(self.times)
        return replace(self, times=times, index="" if timeless else self.index)

    def headers(self, prefix: str) -> list[Header]:
        """The headers `Caller-…`, `Channel-…` or `Other-Leg-…` of this profile."""
        texts = (
            ("Direction", self.direction),
            ("Logical-Direction", self.logical_direction),
            ("Username", self.username),
            ("Dialplan", self.dialplan),
            ("Caller-ID-Name", self.name),
            ("Caller-ID-Number", self.number),
            ("Orig-Caller-ID-Name", self.orig_name),
            ("Orig-Caller-ID-Number", self.orig_number),
            ("Callee-ID-Name", self.callee_name),
            ("Callee-ID-Number", self.callee_number),
            ("Network-Addr", self.network_addr),
            ("ANI", self.ani),
            ("RDNIS", self.rdnis),
            ("Destination-Number", self.destination),
            ("Unique-ID", self.uuid),
            ("Source", "mod_sofia"),
            ("Context", self.context),
            ("Channel-Name", self.channel_name),
            ("Profile-Index", self.index),
        )
        stamps = self.times
        numbers = (
            ("Profile-Created-Time", stamps.profile_created),
            ("Channel-Created-Time", stamps.created),
            ("Channel-Answered-Time", stamps.answered),
            ("Channel-Progress-Time", stamps.progress),
            ("Channel-Progress-Media-Time", stamps.progress_media),
            ("Channel-Hangup-Time", stamps.hungup),
            ("Channel-Transfer-Time", stamps.transferred),
            ("Channel-Resurrect-Time", stamps.resurrected),
            ("Channel-Bridged-Time", stamps.bridged),
            ("Channel-Last-Hold", stamps.last_hold),
            ("Channel-Hold-Accum", stamps.hold_accum),
        )
        flags = (
            ("Screen-Bit", self.screen),
            ("Privacy-Hide-Name", self.hide_name),
            ("Privacy-Hide-Number", self.hide_number),
        )
        return [
            *((f"{prefix}-{name}", text) for name, text in texts if text),
            *((f"{prefix}-{name}", str(number)) for name, number in numbers),
            *((f"{prefix}-{name}", "true" if flag else "false") for name, flag in flags),
        ]


def end_variables(profile: CallerProfile, *, last: tuple[str, str] | None) -> list[Header]:
    """The variables that exist in CHANNEL_HANGUP_COMPLETE only, in their order.

    Seconds are differences of truncated seconds, as the switch has them: 3.5 s can read 4.

    Args:
        profile: of the leg, with its hangup time.
        last: the last application run and its argument; None when none ran.
    """
    stamps = profile.times
    end = stamps.hungup
    moments = (
        ("start", stamps.created),
        ("profile_start", stamps.profile_created),
        ("answer", stamps.answered),
        ("bridge", stamps.bridged),
        ("hold", stamps.last_hold),
        ("resurrect", stamps.resurrected),
        ("progress", stamps.progress),
        ("progress_media", stamps.progress_media),
        ("end", end),
    )
    found: list[Header] = [(f"{name}_stamp", _local(us)) for name, us in moments if us]
    if profile.holds:
        held = ",".join(f"{{{since},{until}}}" for since, until in profile.holds)
        found.insert(-1, ("hold_events", f"{{{held}}}"))
    for name, us in moments:
        label = "last_hold" if name == "hold" else name
        found += [(f"{label}_epoch", str(us // 1_000_000)), (f"{label}_uepoch", str(us))]
        if name == "hold":
            total = stamps.hold_accum
            found += [
                ("hold_accum_seconds", str(total // 1_000_000)),
                ("hold_accum_usec", str(total)),
                ("hold_accum_ms", str(total // 1000)),
            ]
    if last:
        found += [("last_app", last[0]), ("last_arg", last[1])]
    caller = f'"{profile.name}" <{profile.number}>' if profile.name else profile.number
    found.append(("caller_id", caller))
    return found + _durations(stamps, end)


def _durations(stamps: Times, end: int) -> list[Header]:
    answered = stamps.answered
    spans = (
        ("duration", stamps.created, end),
        ("bill", answered, end),
        ("progress", stamps.created, stamps.progress),
        ("answer", stamps.created, answered),
        ("wait", stamps.created, stamps.bridged),
        ("progress_media", stamps.created, stamps.progress_media),
        ("flow_bill", stamps.created if answered else 0, end),
    )
    found: list[Header] = []
    for unit, size in (("sec", 1_000_000), ("msec", 1000), ("usec", 1)):
        for name, start, stop in spans:
            known = start and stop
            length = (
                stop // size - start // size if size == 1_000_000 else (stop - start) // size
            )
            label = {"sec": "duration", "msec": "mduration", "usec": "uduration"}[unit]
            label = label if name == "duration" else f"{name}{unit}"
            found.append((label, str(length if known else 0)))
    return found


def _local(us: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(us // 1_000_000))
