"""Faults and the errors that carry them."""

from __future__ import annotations

from dialplan import DialplanError, Fault, InvalidNumber


def test_a_fault_is_read_with_its_path() -> None:
    """A fault names the field, seen from as far out as the reader stands."""
    fault = Fault(path="", message="has no step")

    assert str(fault) == "has no step"
    assert str(fault.under("routes.office").under("numbers.0")) == (
        "numbers.0.routes.office: has no step"
    )


def test_an_error_without_faults_says_its_own_sentence() -> None:
    """No error is ever empty."""
    assert str(InvalidNumber()) == "Raised when text is not a telephone number."


def test_an_error_tells_all_its_faults() -> None:
    """Everything that is wrong is told at once."""
    error = DialplanError(Fault(path="a", message="is wrong"), Fault(path="b", message="too"))

    assert str(error) == "a: is wrong; b: too"
