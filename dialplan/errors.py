"""What the dialplan refuses: one class per situation, with every fault and its path."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a value that was entered.

    Attributes:
        path: the field, dotted and indexed from the value's own root, such as
            `routes.office.steps.1.targets.0`; empty for the value itself.
        message: one plain sentence without the path.
    """

    path: str
    message: str

    def under(self, path: str) -> Fault:
        """Give the same fault seen from one level further out."""
        return Fault(path=f"{path}.{self.path}" if self.path else path, message=self.message)

    def __str__(self) -> str:
        """Write it as `path: message`."""
        return f"{self.path}: {self.message}" if self.path else self.message


class DialplanError(ValueError):
    """Raised when a value cannot be part of a dialplan; the root of this package's errors.

    Attributes:
        faults: everything found wrong, at least one.
    """

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*faults)
        self.faults = faults

    @classmethod
    def at(cls, path: str, message: str) -> DialplanError:
        """Make the error of one fault."""
        return cls(Fault(path=path, message=message))

    def __str__(self) -> str:
        """Give the faults, separated by semicolons, or the class's own sentence."""
        return "; ".join(map(str, self.faults)) or (self.__doc__ or "").split("\n", 1)[0]


class InvalidNumber(DialplanError):
    """Raised when text is not a telephone number."""


class InvalidTarget(DialplanError):
    """Raised when a place to send calls is malformed: neither a number nor a SIP URI."""


class InvalidGateway(DialplanError):
    """Raised when a gateway's name, host or port cannot be dialled."""


class InvalidOperator(DialplanError):
    """Raised when an operator has a code, a network or a prefix that is none."""


class InvalidRoute(DialplanError):
    """Raised when a route or a step could never ring anything, or would ring for ever."""


class InvalidWeek(DialplanError):
    """Raised when weekly slots overlap or are not times of a week."""


class InvalidSpecialDate(DialplanError):
    """Raised when a special date ends before it begins or names no canton we know."""


class InvalidTimeline(DialplanError):
    """Raised when scheduled changes have no order: two at one instant, or no zone."""


class InvalidEntry(DialplanError):
    """Raised when a blacklist entry could never match, or not as meant."""


class InvalidServiceNumber(DialplanError):
    """Raised when a service number contradicts itself, such as naming a route it lacks."""


class InvalidDirectory(DialplanError):
    """Raised when the parts of a directory do not fit, such as an unknown customer."""
