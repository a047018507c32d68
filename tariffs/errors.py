"""What a tariff or a meter refuses: one class per situation, with facts as fields."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a value that was entered.

    Attributes:
        path: the field, dotted from the value's own root, such as `levels.7.per_minute`.
        message: what is wrong with it, without the path.
    """

    path: str
    message: str

    def under(self, path: str) -> Fault:
        """Give the same fault seen from one level further out."""
        return Fault(path=f"{path}.{self.path}" if self.path else path, message=self.message)

    def __str__(self) -> str:
        """Write it as `path: message`."""
        return f"{self.path}: {self.message}" if self.path else self.message


class TariffError(ValueError):
    """Raised when a price cannot be what was asked; the root of this package's errors."""

    def __str__(self) -> str:
        """Give the message, or when there is none the first line of the class's docstring."""
        return super().__str__() or (self.__doc__ or "").split("\n", 1)[0]


class Invalid(TariffError):
    """Raised when values that were entered cannot be used; holds every fault, not the first.

    Attributes:
        faults: at least one.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


class InvalidTariff(Invalid):
    """Raised when a tariff table is malformed, whatever the law says of its prices."""


class InvalidSettlement(Invalid):
    """Raised when a customer's terms of settlement are malformed."""


class NotExact(TariffError):
    """Raised when an instant is not a whole number of microseconds: floats are refused."""


class UnknownCountry(TariffError):
    """Raised when we have no table of limits for a country."""


class UnknownLevel(TariffError):
    """Raised when a meter is to start at a level its tariff lacks.

    Attributes:
        level: the number asked for.
    """

    def __init__(self, level: int) -> None:
        super().__init__(f"the table has no level {level}")
        self.level = level


class TimeRanBackwards(TariffError):
    """Raised when a meter is told an instant before one it already knows.

    Attributes:
        at_us: the instant told, µs since the epoch.
        latest_us: the latest instant known before.
    """

    def __init__(self, *, at_us: int, latest_us: int) -> None:
        super().__init__(f"time ran backwards by {latest_us - at_us} µs")
        self.at_us = at_us
        self.latest_us = latest_us


class MeterStopped(TariffError):
    """Raised when a meter that has been stopped is asked to go on."""
