"""The exception tree: whose fault it is, and the hangup cause to release the call with."""

from __future__ import annotations


class CallControlError(Exception):
    """Raised when something in the engine cannot go on; the root of all our errors.

    Attributes:
        hangup_cause: the FreeSWITCH name of the cause to release the call with.
    """

    hangup_cause = "NORMAL_TEMPORARY_FAILURE"

    def __str__(self) -> str:
        """Give the message, or the first sentence of the class's docstring."""
        return super().__str__() or (self.__doc__ or "").split("\n", 1)[0]


class ConfigError(CallControlError):
    """Raised when a setting, a file or a command is wrong: the operator mends it (exit 2).

    Args:
        *faults: one plain sentence each, naming the setting, file or row and the fault.
    """

    def __init__(self, *faults: str) -> None:
        super().__init__(*faults)
        self.faults = faults

    def __str__(self) -> str:
        """Give the sentences, one a line."""
        return "\n".join(self.faults)


class PromptError(CallControlError):
    """A prompt cannot be spoken, made or read."""


class SessionError(CallControlError):
    """Raised when the conversation with the switch about one leg cannot go on.

    Attributes:
        leg_uuid: the switch's uuid of the leg, empty before the switch has named it.
    """

    def __init__(self, message: str = "", *, leg_uuid: str = "") -> None:
        super().__init__(message)
        self.leg_uuid = leg_uuid


class SessionGone(SessionError):
    """Raised when the leg or its socket ended while we waited: the normal end of many calls."""


class CommandRejected(SessionError):
    """Raised when the switch answered a command with -ERR.

    Attributes:
        command: the command's first line.
        reply: what the switch said.
    """

    def __init__(self, command: str, reply: str, *, leg_uuid: str = "") -> None:
        super().__init__(f"the switch refused {command!r}: {reply}", leg_uuid=leg_uuid)
        self.command = command
        self.reply = reply


class CommandTimeout(SessionError):
    """Raised when the switch did not answer a command in time.

    Attributes:
        command: the command's first line.
        deadline_s: how long we waited, in seconds.
    """

    def __init__(self, command: str, deadline_s: float, *, leg_uuid: str = "") -> None:
        super().__init__(f"no answer to {command!r} within {deadline_s:g} s", leg_uuid=leg_uuid)
        self.command = command
        self.deadline_s = deadline_s


class WireError(SessionError):
    """Raised when the peer sent what is not event-socket protocol: their fault, we close."""


class UnsafeArgument(SessionError):
    """Raised when we were about to send an argument that could become a second command."""


class SwitchUnreachable(SessionError):
    """Raised when the switch's event socket cannot be reached or does not greet us."""


class AuthenticationRejected(SessionError):
    """Raised when the switch refuses our event-socket password: the operator's to mend."""


class JournalError(CallControlError):
    """Raised when the local journal cannot keep a record."""

    hangup_cause = "NETWORK_OUT_OF_ORDER"


class JournalFull(JournalError):
    """Raised when the disk under the journal is full."""


class JournalCorrupt(JournalError):
    """Raised when the journal's file is damaged."""


class StoreError(CallControlError):
    """Raised when Postgres did not do what was asked."""


class StoreUnavailable(StoreError):
    """Raised when Postgres cannot be reached or is not ready: try again later."""


class StoreRejected(StoreError):
    """Raised when Postgres refuses a row: trying again will not help.

    Attributes:
        call_id: the record refused.
        sqlstate: the five characters that say why.
    """

    def __init__(self, message: str, *, call_id: str, sqlstate: str) -> None:
        super().__init__(message)
        self.call_id = call_id
        self.sqlstate = sqlstate
