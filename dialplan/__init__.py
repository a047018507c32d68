"""Where a call goes: numbers, blacklist, weekly plan, routes; one decision with its rule.

Pure: no clock, no disk, no network; the same arguments give the same answer.
"""

from dialplan.blacklist import Blacklist, BlacklistEntry
from dialplan.causes import Disposition, Outcome
from dialplan.decision import Connect, Decision, Release
from dialplan.directory import Customer, Directory
from dialplan.errors import (
    DialplanError,
    Fault,
    InvalidDirectory,
    InvalidGateway,
    InvalidNumber,
    InvalidPattern,
    InvalidRoute,
    InvalidServiceNumber,
    InvalidSpecialDate,
    InvalidTarget,
    InvalidTimeline,
    InvalidWeek,
)
from dialplan.fallback import Attempt, Branch, Dial, Stop
from dialplan.gateway import Gateway
from dialplan.numbers import E164, Caller
from dialplan.presentation import CallerId, Presentation
from dialplan.scope import PLATFORM, Scope
from dialplan.service_number import DEFAULT_ZONE, ServiceNumber
from dialplan.special_dates import Override, PublicHolidays, SpecialDate
from dialplan.target import EVERY_OUTCOME, Route, Step, Target
from dialplan.timeline import Timeline
from dialplan.week import Slot, WeekPlan

__all__ = [
    "DEFAULT_ZONE",
    "E164",
    "EVERY_OUTCOME",
    "PLATFORM",
    "Attempt",
    "Blacklist",
    "BlacklistEntry",
    "Branch",
    "Caller",
    "CallerId",
    "Connect",
    "Customer",
    "Decision",
    "Dial",
    "DialplanError",
    "Directory",
    "Disposition",
    "Fault",
    "Gateway",
    "InvalidDirectory",
    "InvalidGateway",
    "InvalidNumber",
    "InvalidPattern",
    "InvalidRoute",
    "InvalidServiceNumber",
    "InvalidSpecialDate",
    "InvalidTarget",
    "InvalidTimeline",
    "InvalidWeek",
    "Outcome",
    "Override",
    "Presentation",
    "PublicHolidays",
    "Release",
    "Route",
    "Scope",
    "ServiceNumber",
    "Slot",
    "SpecialDate",
    "Step",
    "Stop",
    "Target",
    "Timeline",
    "WeekPlan",
]
