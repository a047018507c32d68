"""What `callcontrol top` shows, drawn from one moment's state: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from enum import Enum
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from callcontrol.cdr import Cdr
from callcontrol.cli.top_readings import Figures
from callcontrol.clock import at_of
from callcontrol.store.calls_table import CallInProgress
from dialplan import E164, printed
from tariffs import Rated

_REFUSALS = 5
_KEYS = "q quit   s sort   ↑↓ choose   Enter look into   Esc back"


class Order(Enum):
    """By what the calls are sorted."""

    AGE = "age"
    CHARGE = "charge"
    NUMBER = "number"
    LEVEL = "level"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A call in progress with what it costs now.

    Attributes:
        rated: as if it ended now; None when nothing is metered.
        level: in force now.
    """

    engine: str
    call: CallInProgress
    rated: Rated | None
    level: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Everything there is to show.

    Attributes:
        now_us: microseconds since the epoch.
        figures: None with the reason in `figures_fault`.
        calls: in no order.
        refusals: records of calls that were not put through, newest first.
        figures_fault: why no engine's figures can be had.
        store_fault: why Postgres cannot be asked; calls and refusals are of before.
        zone: times are shown in; None: the terminal's own.
    """

    now_us: int
    figures: Figures | None
    calls: Sequence[Running] = ()
    refusals: Sequence[Cdr] = ()
    figures_fault: str = ""
    store_fault: str = ""
    zone: tzinfo | None = None

    def told(self, us: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Write an instant."""
        return at_of(us).astimezone(self.zone).strftime(form)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the keys have chosen.

    Attributes:
        chosen: the call the cursor is at, by its id; None: no cursor.
        is_open: that call is looked into.
        rows: how many calls there is room for.
    """

    order: Order = Order.AGE
    chosen: str | None = None
    is_open: bool = False
    rows: int = 20
    has_keys: bool = True


def arranged(calls: Sequence[Running], order: Order) -> list[Running]:
    """Sort calls: the oldest, dearest or highest first; equal ones by age."""
    by_age = sorted(calls, key=lambda one: one.call.received_us)
    if order is Order.CHARGE:
        return sorted(by_age, key=lambda one: -(one.rated.charge if one.rated else -1))
    if order is Order.NUMBER:
        return sorted(by_age, key=lambda one: one.call.number or "")
    if order is Order.LEVEL:
        return sorted(by_age, key=lambda one: -(one.level or 0))
    return by_age


def screen(moment: Moment, view: View) -> RenderableType:
    """Draw the whole screen."""
    opened = next((one for one in moment.calls if one.call.call_id == view.chosen), None)
    parts: list[RenderableType] = [*_head(moment)]
    if view.is_open and opened is not None:
        parts += ["", _looked_into(opened, moment)]
    else:
        parts += ["", _calls(moment, view), "", _refusals(moment)]
    if view.has_keys:
        parts += ["", Text(_KEYS, style="dim")]
    return Group(*parts)


def _head(moment: Moment) -> list[Text]:
    f = moment.figures
    title = f"callcontrol  {moment.told(moment.now_us)}"
    if f is None:
        return [
            Text(title, style="bold"),
            Text(f"engine    {moment.figures_fault}", style="bold red"),
        ]
    lines = [
        Text(f"{title}  {', '.join(f.engines)}", style="bold"),
        _line(
            "engine",
            _state(f"{f.ready} of {f.workers} ready", is_well=f.ready == f.workers > 0),
            f"cpu {f.cpu:.0%}",
            f"{f.resident_bytes / 1e6:.0f} MB",
            f"turn {_ms(f.hub_lag_s)}",
            f"decides in {_ms(f.decide_s)}",
        ),
        _line(
            "calls",
            _state(
                f"{f.in_progress} in progress of {f.limit}",
                is_well=f.in_progress < 0.8 * f.limit,
            ),
            f"{f.arriving:.1f}/s arrive",
            f"answered {_percent(f.answered)}",
            f"to the answer {_s(f.to_answer_s)}",
        ),
        _line("ended", f"{f.a_second:.1f}/s", *_paces(f.by_category)),
        _line("refused", *(_paces(f.refused) or ["none"])),
        _line(
            "money",
            f"CHF {f.chf_an_hour:.2f}/h recorded",
            f"CHF {_running_chf(moment):.2f} running",
        ),
        _line(
            "switch",
            _state("link up", "link DOWN", is_well=f.is_link_up),
            f"events {_ms(f.lag_s)} old",
        ),
        _line(
            "records",
            _state("journal well", "journal FAILING", is_well=f.is_journal_well),
            _state("Postgres up", "Postgres AWAY", is_well=f.is_store_up),
            f"{f.waiting} wait, the oldest {f.oldest_s:.0f} s",
            _state(f"{f.set_aside} set aside", is_well=not f.set_aside),
        ),
        _line(
            "reference",
            f"{f.numbers} numbers",
            f"revision {f.revision}",
            _state("in step", "NOT in step", is_well=f.is_in_step),
            _state(f"{f.faults} faults", is_well=not f.faults),
        ),
    ]
    if moment.store_fault:
        lines.append(Text(f"Postgres  {moment.store_fault}", style="bold red"))
    return lines


def _calls(moment: Moment, view: View) -> Table:
    table = _table(
        "number", "caller", "state", "since", "level", "charge", "attempts", "engine"
    )
    table.title = f"calls in progress, by {view.order.value}"
    ordered = arranged(moment.calls, view.order)
    first = _first_shown([one.call.call_id for one in ordered], view)
    for one in ordered[first : first + view.rows]:
        call = one.call
        table.add_row(
            _number(call.number),
            call.caller or "not shown",
            call.state,
            _length((moment.now_us - (call.answered_us or call.received_us)) // 1_000_000),
            "" if one.level is None else str(one.level),
            f"{one.rated.currency} {one.rated.charge}" if one.rated else "",
            _last_attempt(call.attempts),
            one.engine,
            style="reverse" if call.call_id == view.chosen else "",
        )
    hidden = len(ordered) - len(table.rows)
    table.caption = f"and {hidden} more" if hidden else None
    return table


def _first_shown(ids: Sequence[str], view: View) -> int:
    """Keep the cursor on the screen."""
    at = ids.index(view.chosen) if view.chosen in ids else 0
    return max(0, min(at - view.rows // 2, len(ids) - view.rows))


def _refusals(moment: Moment) -> Table:
    table = _table("at", "number", "caller", "disposition", "cause", "rule")
    table.title = "last refusals"
    for cdr in moment.refusals[:_REFUSALS]:
        table.add_row(
            moment.told(cdr.received_us, "%H:%M:%S"),
            _number(cdr.number) or Text(cdr.dialled),
            "withheld" if cdr.caller_withheld else cdr.caller or "",
            cdr.disposition,
            cdr.hangup_cause,
            Text(cdr.rule),
        )
    return table


def _looked_into(one: Running, moment: Moment) -> Table:
    call, rated = one.call, one.rated
    table = Table.grid(padding=(0, 2))
    table.title = f"call {call.call_id}"
    table.title_justify = "left"
    answered = call.answered_us
    rows = [
        ("number", f"{_number(call.number)}  {call.category or ''}"),
        ("customer", call.customer or ""),
        ("caller", call.caller or "not shown"),
        ("state", call.state),
        ("received", moment.told(call.received_us)),
        ("answered", moment.told(answered) if answered else ""),
        ("talks for", _length((moment.now_us - answered) // 1_000_000) if answered else ""),
        ("tariff", f"{call.tariff or ''}  {call.tariff_version}".strip()),
        ("level", "" if one.level is None else str(one.level)),
        ("charge", f"{rated.currency} {rated.charge}" if rated else ""),
        ("engine", one.engine),
        ("switch's uuid", call.switch_uuid),
    ]
    rows += [("attempt", f"{one['target']} {_attempt(one)}") for one in call.attempts]
    rows += [("level change", _change(one, moment)) for one in call.changes]
    if rated:
        rows += [
            ("metered", f"level {one.level}: {one.seconds} s, {float(one.amount):.4f}")
            for one in rated.segments
        ]
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(value))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, title_justify="left", header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    table.title_style = "bold"
    table.caption_justify = "left"
    return table


def _line(name: str, *words: str | Text) -> Text:
    return Text.assemble(f"{name:<10}", Text("   ").join(Text.assemble(word) for word in words))


def _state(well: str, ill: str | None = None, *, is_well: bool) -> Text:
    return Text(well, style="green") if is_well else Text(ill or well, style="bold red")


def _paces(paces: Mapping[str, float]) -> list[str]:
    return [f"{name} {pace:.1f}/s" for name, pace in paces.items()]


def _running_chf(moment: Moment) -> float:
    return float(sum(one.rated.charge for one in moment.calls if one.rated))


def _attempt(attempt: Mapping[str, Any]) -> str:
    return f"{attempt['gateway'] or 'direct'} {attempt['outcome']}"


def _last_attempt(attempts: Sequence[Mapping[str, Any]]) -> str:
    """Tell the last one, or the one that was answered, and how many there were beside it."""
    told = [one for one in attempts if one["outcome"] == "answered"] or attempts[-1:]
    others = f" +{len(attempts) - 1}" if len(attempts) > 1 else ""
    return "".join(map(_attempt, told)) + others


def _change(change: Mapping[str, Any], moment: Moment) -> str:
    at = moment.told(int(change["in_force_us"]))
    return f"to level {change['level']} at {at}, by {change['by']}"


def _number(number: str | None) -> str:
    return printed(E164(number)) if number else ""


def _length(seconds: int) -> str:
    minutes, seconds = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _s(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f} ms"
