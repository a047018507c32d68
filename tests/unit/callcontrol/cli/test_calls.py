"""Tests of callcontrol.cli.calls: what a running call shows is what its record will say."""

from __future__ import annotations

from decimal import Decimal

import gevent

from callcontrol.calls.level_figures import LevelFigures
from callcontrol.calls.levels import ask_level
from callcontrol.calls.lifecycle import run_call
from callcontrol.cli.calls import level_in_force, rated_now
from callcontrol.wiring import in_progress
from tariffs import Level, Then
from tests.builders import (
    ANSWERED_US,
    LEG,
    make_channel,
    make_engine,
    make_reference,
    make_tariff,
)
from tests.fakes.switch import FakeSession, answers


def test_a_running_call_shows_its_level_and_charge_through_changes_and_steps():
    """Level 2 was asked for and led back to level 1: at the end it is what the record says."""
    tariff = make_tariff(
        levels={
            1: Level(per_minute=Decimal("3.00")),
            2: Level(
                per_call=Decimal("20.00"),
                per_minute=Decimal("4.50"),
                then=Then(after_s=30, level=1),
            ),
        }
    )
    reference = make_reference(tariff=tariff)
    engine = make_engine(reference)
    engine.link.legs.add(LEG)
    life = gevent.spawn(
        run_call, FakeSession(make_channel(), answers(after_us=ANSWERED_US)), engine
    )
    gevent.sleep(0)
    call = engine.live_calls.find(LEG)
    ask_level(call, 2, engine, by="anna", asked_us=ANSWERED_US + 10_400_000)
    gevent.joinall([call.changing])
    shown = in_progress(call)
    at_level_2 = rated_now(shown, reference, ANSWERED_US + 20_000_000)
    at_the_end = rated_now(shown, reference, ANSWERED_US + 60_000_000)
    engine.clock.advance(20)
    figures = LevelFigures(engine.metrics)
    figures.show(engine.live_calls, engine.clock.now_us())
    value = engine.metrics.registry.get_sample_value
    counted = value("callcontrol_calls_by_level", {"level": "2"})
    engine.link.end(LEG, at_us=ANSWERED_US + 60_000_000, answered_us=ANSWERED_US)
    life.get(timeout=5)
    figures.show(engine.live_calls, engine.clock.now_us())
    (cdr,) = engine.journal.records.values()

    assert (level_in_force(shown, at_level_2), level_in_force(shown, at_the_end)) == (2, 1)
    assert at_the_end.charge == cdr.charge.gross
    assert at_the_end.exact == cdr.charge.exact
    assert counted == 1
    assert value("callcontrol_calls_by_level", {"level": "2"}) == 0
