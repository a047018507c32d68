"""Commands an engine sent to a call, and how the call works through them.

They are run in the order they came, inside whatever application the call runs just then; a
command with `event-lock: true` keeps all others waiting until it has ended.
"""

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from switchsim.causes import cause_named
from switchsim.variables import leading_number

if TYPE_CHECKING:
    from switchsim.session import Session

Steps = Generator[float | None, None, None]

# An application that ran for less than this is not run again, whatever `loops` says.
_LOOPS_FROM_US = 500_000


@dataclass(slots=True, kw_only=True)
class Command:
    """One `sendmsg`, or something like it.

    Args:
        fields: its headers by lower case name.
        text: its first line, of a `sendmsg`.
        headers: as sent, of a `sendmsg`.
        body: what follows them.
        prefix: of something broadcast: what the event of it begins with.
    """

    fields: dict[str, str]
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    prefix: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """A header, empty when missing."""
        return self.fields.get(name, "")


def execute_command(application: str, data: str) -> Command:
    """A command that runs one application."""
    fields = {
        "call-command": "execute", "execute-app-name": application, "execute-app-arg": data,
    }  # fmt: skip
    return Command(fields=fields)


class CommandQueue:
    """What waits to be done on one call."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._waiting: deque[Command] = deque()
        self._begun: deque[tuple[Steps, float | None]] = deque()
        self._locks = 0

    @property
    def is_ready(self) -> bool:
        """Whether something waits and nothing locks it out."""
        return bool(self._waiting) and not self._locks

    def add(self, command: Command) -> None:
        """Puts a command at the end."""
        self._waiting.append(command)

    def add_steps(self, steps: Steps, patience: float | None) -> None:
        """Something begun already, to be gone on with before any command.

        Args:
            steps: what is left of it.
            patience: what it asked to wait for.
        """
        self._begun.append((steps, patience))

    def run(self) -> Steps:
        """Runs everything that waits, for as long as the call goes on."""
        while self._begun:
            steps, patience = self._begun.popleft()
            yield patience
            yield from steps
        while self.is_ready and self._session.is_up:
            yield from self._perform(self._waiting.popleft())

    def run_unannounced(self) -> Steps:
        """Runs the first command without its event, as the switch does before media."""
        if self.is_ready and self._session.is_up:
            yield from self._perform(self._waiting.popleft(), is_told=False)

    def _perform(self, command: Command, *, is_told: bool = True) -> Steps:
        channel = self._session.channel
        locks = command.get("event-lock").lower() == "true"
        self._locks += locks
        kind = command.get("call-command").lower()
        if kind == "execute" and command.get("execute-app-name"):
            yield from self._execute(command)
        elif kind == "hangup":
            channel.hang_up(cause_named(command.get("hangup-cause") or "NORMAL_CLEARING"))
        self._locks -= locks
        if is_told:
            before = [] if command.prefix else [("Command", command.text), *command.headers]
            channel.fire("PRIVATE_COMMAND", prefix=command.prefix, before=before)

    def _execute(self, command: Command) -> Steps:
        session = self._session
        argument = command.get("execute-app-arg")
        if not argument and command.get("content-type").lower() == "text/plain":
            argument = command.body
        loops = leading_number(command.get("loops") or "1")
        variables, clock = session.channel.variables, session.switch.loop.clock
        done = 0
        while session.channel.is_up and (done < loops or loops < 0):
            done += 1
            variables.set("current_loop", str(done))
            variables.set("total_loops", str(loops))
            started_us = clock.wall_us()
            uuid = command.get("event-uuid") or None
            yield from session.execute(command.get("execute-app-name"), argument, uuid)
            if clock.wall_us() - started_us < _LOOPS_FROM_US:
                break
        variables.set("current_loop", None)
        variables.set("total_loops", None)
