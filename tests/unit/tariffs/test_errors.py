from __future__ import annotations

from tariffs import Fault, InvalidTariff, MeterStopped, TimeRanBackwards, UnknownLevel


class TestFault:
    def test_is_written_with_its_path(self):
        """Path and message, as a person reads them."""
        fault = Fault(path="levels.7.per_minute", message="above CHF 10 (OST art. 39)")

        assert str(fault) == "levels.7.per_minute: above CHF 10 (OST art. 39)"

    def test_moves_one_level_out(self):
        """The same fault seen from the file it is in, also when it has no path of its own."""
        fault = Fault(path="free_s", message="negative")

        assert str(fault.under("tariff")) == "tariff.free_s: negative"
        assert str(Fault(path="", message="negative").under("share")) == "share: negative"
        assert str(Fault(path="", message="negative")) == "negative"


class TestErrors:
    def test_hold_facts(self):
        """What happened is in fields, and in words."""
        backwards = TimeRanBackwards(at_us=5, latest_us=8)

        assert (backwards.at_us, backwards.latest_us) == (5, 8)
        assert str(backwards) == "time ran backwards by 3 µs"
        assert UnknownLevel(7).level == 7

    def test_are_never_empty(self):
        """Without a message the class speaks for itself."""
        assert str(MeterStopped()) == (
            "Raised when a meter that has been stopped is asked to go on."
        )

    def test_invalid_has_every_fault(self):
        """All faults, in order, in the text too."""
        faults = (Fault(path="a", message="b"), Fault(path="c", message="d"))

        assert str(InvalidTariff(faults)) == "a: b; c: d"
        assert InvalidTariff(faults).faults == faults
