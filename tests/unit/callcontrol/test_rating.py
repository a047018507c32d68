from __future__ import annotations

import json
from pathlib import Path

import pytest

from callcontrol.rating import rate_text, rated_json
from tests.tariff_builders import RATED, make_call_text

CALLS = sorted(RATED.glob("*.call.json"))


class TestCallsPricedByHand:
    def test_are_there(self):
        """The folder has its calls, and every call says what is expected of it."""
        names = {path.name.removesuffix(".call.json") for path in CALLS}
        expected = RATED.glob("*.expected.json")

        assert len(names) > 20
        assert names == {path.name.removesuffix(".expected.json") for path in expected}

    @pytest.mark.parametrize("call", CALLS, ids=lambda path: path.name.partition(".")[0])
    def test_cost_what_was_worked_out(self, call: Path):
        """Every figure that was worked out by hand is the meter's."""
        name = call.name.replace(".call.json", ".expected.json")
        expected = json.loads(call.with_name(name).read_text("utf-8"))
        result = rated_json(rate_text(call.read_text("utf-8")))

        assert expected["rule"]
        assert expected["arithmetic"]
        assert expected["result"] == {key: result[key] for key in expected["result"]}


class TestRatedJson:
    def test_has_these_names_in_this_order(self):
        """Scripts rely on the names; amounts are strings."""
        result = rated_json(rate_text(make_call_text()))

        assert result == {
            "charge": "3.00",
            "exact": "3.00",
            "currency": "CHF",
            "capped": False,
            "metered_us": 60_000_000,
            "vat": "0.22",
            "net": "2.78",
            "exhausted_at": "2026-01-05T14:13:20.000000Z",
            "lines": [
                {
                    "kind": "time",
                    "level": 1,
                    "from": "2026-01-05T12:00:00.000000Z",
                    "to": "2026-01-05T12:01:00.000000Z",
                    "seconds": 60,
                    "amount": "3.00",
                }
            ],
            "refused": [],
        }
        assert list(result) == [
            *("charge", "exact", "currency", "capped", "metered_us"),
            *("vat", "net", "exhausted_at", "lines", "refused"),
        ]

    def test_exhaustion_after_the_last_year_is_never(self):
        """Half a million years cannot be written as an instant."""
        tariff = {"max_charge": "1.00", "levels": {"1": {"per_minute": "0.000001"}}}
        soon = rated_json(rate_text(make_call_text(tariff=tariff)))
        levels = {
            "1": {"per_minute": "0.000001", "then": {"after_s": 1, "level": 2}},
            "2": {"then": {"after_s": 86400, "level": 1}},
        }
        late = rated_json(
            rate_text(make_call_text(tariff={"max_charge": "400.00", "levels": levels}))
        )

        assert soon["exhausted_at"] == "2027-11-30T22:40:00.000000Z"
        assert late["exhausted_at"] is None

    def test_what_is_left_out_has_a_default(self):
        """Francs, tax included, by the second, nothing free, not rounded, no maximum."""
        full = make_call_text(
            tariff={
                "currency": "CHF",
                "includes_vat": True,
                "increment_s": 1,
                "free_s": 0,
                "rounding": None,
                "max_charge": None,
            },
            changes=[],
        )

        assert rated_json(rate_text(full)) == rated_json(rate_text(make_call_text()))
