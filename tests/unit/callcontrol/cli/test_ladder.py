"""The ladder of a call, to the letter."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from callcontrol.cdr import Cdr, CdrAnnouncement, CdrLine
from callcontrol.cli.ladder import ladder_of
from callcontrol.cli.running_ladder import running_ladder
from callcontrol.store.calls_table import CallInProgress
from tests.cdr_builders import NOON_US, make_cdr, make_changed_cdr, make_refused_cdr
from tests.tariff_builders import SECOND_US, make_level, make_meter, make_tariff

ANSWERED = """\
0901 123 456 of acme, 2026-01-05 13:00:00.000, switch fs-1, engine engine-1
call 019b8e07-4600-7000-adc8-459b59f01698, leg 4f2c1a9e-0000-4000-8000-000000000000

    seconds  caller                               engine                                  @END@
      0.000  |-- call from 079 555 00 01 -------->|                                       |
      0.002  |                                    * weekly:mon-fri 08:00-18:00, level 1   |
      0.002  |                                    |-- call to sip:desk@pbx.example ------>|
      0.100  |<-- plays price, price of level 1 --|                                       |
      0.400  |                                    * price heard to its end                |
      0.400  |-- key 1 -------------------------->|                                       |
      0.500  |                                    |<-- USER_BUSY (SIP 486) ---------------|
      0.520  |                                    |-- call to 044 555 01 01 by trunk-a -->|
      0.900  |                                    |<-- ringing ---------------------------|
      0.900  |<-- ringing ------------------------|                                       |
      4.000  |                                    |<-- answered --------------------------|
      4.000  |<-- answered -----------------------|                                       |
      4.000  |                                    * metered, level 1                      |
     95.000  |                                    * level 2 asked for by destination      |
     95.000  |                                    * level 2 in force                      |
     95.000  |                                    * level 77 asked for by destination     |
     95.000  |                                    * level 77 refused: no level 77         |
     95.000  |                                    * CHF 20.00 for the call, level 2       |
    124.000  |                                    |<-- hangs up: NORMAL_CLEARING ---------|
    124.000  |<-- released -----------------------|                                       |

answered, metered 120.000 s, closed recovered
odd: clock_ran_backwards
  level 1       120 s          6.00
  level 2    per call         20.00
charge CHF 6.00: 6.00 before rounding, 5.55 and 0.45 VAT (8.1 %)
customer CHF 3.8450: share 3.8850 less transport 0.0400 (fixed)"""

REFUSED = """\
0901 123 456 of acme, 2026-01-05 13:00:00.000, switch fs-1, engine engine-1
call 019b8e07-4600-7000-adc8-459b59f01698, leg 4f2c1a9e-0000-4000-8000-000000000000

    seconds  caller                                   engine                         destination
      0.000  |-- call from withheld ----------------->|                              |
      0.002  |                                        * blacklist:+4179*             |
      0.040  |<-- released: CALL_REJECTED (SIP 603) --|                              |

blocked, closed normal"""


def make_eventful_cdr() -> Cdr:
    """Make the record of a call in which everything happened."""
    base = make_changed_cdr()
    second = replace(base.attempts[0], step=2, started_us=NOON_US + 520_000)
    first = replace(
        base.attempts[0],
        target="sip:desk@pbx.example",
        gateway=None,
        ringing_us=None,
        answered_us=None,
        is_answered=False,
        ended_us=NOON_US + 500_000,
        cause="USER_BUSY",
        sip_code=486,
    )
    price = CdrAnnouncement(
        name="price",
        level=1,
        started_us=NOON_US + 100_000,
        ended_us=NOON_US + 400_000,
        consent_key="1",
    )
    entered = CdrLine(
        kind="per_call", level=2, amount=Fraction(20), at_us=base.changes[0].in_force_us
    )
    return replace(
        base,
        attempts=(first, second),
        announcements=(price,),
        lines=(*base.lines, entered),
        released_by="destination",
        flags=("clock_ran_backwards",),
        closed_how="recovered",
    )


def test_a_call_in_which_everything_happened() -> None:
    """Attempts, announcement, consent, changes, amounts, release, sums: each at its instant."""
    expected = ANSWERED.replace("@END@", "destination")

    assert ladder_of(make_eventful_cdr()).drawn() == expected


def test_a_refused_call() -> None:
    """Nothing rang, nothing is owed, and a withheld number stays withheld."""
    cdr = make_refused_cdr(caller_withheld=True, released_us=NOON_US + 40_000)

    assert ladder_of(cdr).drawn() == REFUSED
    assert "079 555 00 01" in ladder_of(cdr, operator=True).drawn()


def test_what_strangers_wrote_is_harmless() -> None:
    """Control characters, other scripts and long texts cannot draw anything."""
    odd = make_cdr(
        released_by="engine",
        hangup_cause="ALLOTTED_TIMEOUT",
        number=None,
        customer=None,
        dialled="0900\x1b[31m",
        caller=None,
        caller_raw="\N{LATIN SMALL LETTER E WITH ACUTE}" * 99,
        settlement=None,
    )

    drawn = ladder_of(odd).drawn()

    assert drawn.replace("\n", "").isprintable()
    assert drawn.startswith("0900?[31m (unknown), ")
    assert f"-- call from {'?' * 60}... -->|" in drawn
    assert "<-- released: ALLOTTED_TIMEOUT --" in drawn


def test_a_call_in_progress() -> None:
    """As far as it is known, with what it has cost so far."""
    tariff = make_tariff(make_level("3.00", then=(60, 2)), make_level("6.00"))
    rated = make_meter(tariff, start_us=NOON_US + 4 * SECOND_US).rated(NOON_US + 94 * SECOND_US)
    call = CallInProgress(
        call_id=make_cdr().call_id,
        switch_uuid="leg",
        state="answered",
        received_us=NOON_US,
        number="+41901123456",
        customer="acme",
        answered_us=NOON_US + 4 * SECOND_US,
        meter_start_us=NOON_US + 4 * SECOND_US,
        level=1,
        level_at_start=1,
        attempts=({"target": "+41445550101", "gateway": "trunk-a", "outcome": "answered"},),
    )

    drawn = running_ladder(call, "engine-1", rated, NOON_US + 94 * SECOND_US).drawn()

    assert drawn.splitlines()[4:] == [
        "      0.000  |-- call from withheld, or no number -->|                              |",
        "      4.000  |<-- answered --------------------------|                              |",
        "      4.000  |                                       * metered, level 1             |",
        "     64.000  |                                       * level 2 in force             |",
        "     94.000  |                                       * now: answered                |",
        "",
        "tried 044 555 01 01 by trunk-a: answered",
        "so far CHF 6.00, metered 90 s",
    ]
