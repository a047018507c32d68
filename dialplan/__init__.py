"""Where a call goes: numbers, blacklist, weekly plan, routes; one decision with its rule.

Pure: no clock, no disk, no network; the same arguments give the same answer.
"""

from dialplan.blacklist import (
    ANONYMOUS_PATTERN,
    Blacklist,
    BlacklistDraft,
    BlacklistEntry,
    is_pattern,
)
from dialplan.caller_id import ANONYMOUS, CallerId, present
from dialplan.causes import (
    CAUSES,
    Cause,
    Disposition,
    Outcome,
    is_final,
    is_gateway_failure,
    is_known_cause,
    outcome_of,
    q850_of,
    release_cause,
    sip_code_of,
)
from dialplan.decision import Connect, Decision, Release
from dialplan.directory import Customer, Directory
from dialplan.errors import (
    DialplanError,
    Fault,
    InvalidDirectory,
    InvalidEntry,
    InvalidGateway,
    InvalidNumber,
    InvalidRoute,
    InvalidServiceNumber,
    InvalidSpecialDate,
    InvalidTarget,
    InvalidTimeline,
    InvalidWeek,
)
from dialplan.fallback import Attempt, Branch, Dial, Stop, next_attempt
from dialplan.fraud import number_faults, target_faults
from dialplan.gateway import Gateway, written_for
from dialplan.numbers import (
    E164,
    Caller,
    canonical_or_same,
    category_of,
    country_of,
    is_e164,
    is_service_number,
    is_swiss,
    line_kind_of,
    parse_number,
    parse_number_or_none,
    printed,
    short_number_kind,
)
from dialplan.presentation import Presentation
from dialplan.route import WITHHELD_REFUSED, decide, none_in_progress, scopes_of
from dialplan.scope import PLATFORM, Scope
from dialplan.service_number import DEFAULT_ZONE, ServiceNumber
from dialplan.special_dates import Override, PublicHolidays, SpecialDate
from dialplan.target import EVERY_OUTCOME, Route, Step, Target, kind_of_line, parse_target
from dialplan.timeline import Timeline
from dialplan.week import Slot, WeekPlan, parse_weekdays, wall_clock, weekdays_text

__all__ = [
    "ANONYMOUS",
    "ANONYMOUS_PATTERN",
    "CAUSES",
    "DEFAULT_ZONE",
    "E164",
    "EVERY_OUTCOME",
    "PLATFORM",
    "WITHHELD_REFUSED",
    "Attempt",
    "Blacklist",
    "BlacklistDraft",
    "BlacklistEntry",
    "Branch",
    "Caller",
    "CallerId",
    "Cause",
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
    "InvalidEntry",
    "InvalidGateway",
    "InvalidNumber",
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
    "canonical_or_same",
    "category_of",
    "country_of",
    "decide",
    "is_e164",
    "is_final",
    "is_gateway_failure",
    "is_known_cause",
    "is_pattern",
    "is_service_number",
    "is_swiss",
    "kind_of_line",
    "line_kind_of",
    "next_attempt",
    "none_in_progress",
    "number_faults",
    "outcome_of",
    "parse_number",
    "parse_number_or_none",
    "parse_target",
    "parse_weekdays",
    "present",
    "printed",
    "q850_of",
    "release_cause",
    "scopes_of",
    "short_number_kind",
    "sip_code_of",
    "target_faults",
    "wall_clock",
    "weekdays_text",
    "written_for",
]
