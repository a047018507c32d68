"""Call detail records: what one call was, and the journal that keeps it until shipped."""

from callcontrol.cdr.call_id import CallId, call_id_for, received_us_of
from callcontrol.cdr.journal import CallJournal, Journal
from callcontrol.cdr.journal_entries import OpenCall
from callcontrol.cdr.record import (
    Cdr,
    CdrAnnouncement,
    CdrAttempt,
    CdrChange,
    CdrCharge,
    CdrLine,
    CdrSegment,
    CdrSettlement,
)

__all__ = [
    "CallId",
    "CallJournal",
    "Cdr",
    "CdrAnnouncement",
    "CdrAttempt",
    "CdrChange",
    "CdrCharge",
    "CdrLine",
    "CdrSegment",
    "CdrSettlement",
    "Journal",
    "OpenCall",
    "call_id_for",
    "received_us_of",
]
