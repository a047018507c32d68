"""Engine: what a call needs from the rest of the process, joined once by `wiring`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from callcontrol.calls.caller import Network
from callcontrol.calls.live_calls import LiveCalls
from callcontrol.cdr import CallJournal
from callcontrol.clock import Clock
from callcontrol.config import Settings
from callcontrol.esl.command import Command
from callcontrol.esl.event import Event
from callcontrol.metering.ticker import Ticker
from callcontrol.metrics import Metrics
from callcontrol.prompts import PromptFolder
from callcontrol.reference import Reference


class Link(Protocol):
    """The part of the link to the switch that a call uses."""

    @property
    def is_up(self) -> bool:
        """Say whether the switch would hear us now."""
        ...

    def api(self, command: str, *arguments: str, deadline_s: float) -> str:
        """Run one of the switch's api commands and give its answer."""
        ...

    def post(self, *commands: Command) -> None:
        """Send commands together and do not wait for what becomes of them."""
        ...


def _none_written(_legs: Collection[str], _since_us: int) -> Mapping[str, Event]:
    return {}


@dataclass(slots=True, kw_only=True, eq=False)
class Engine:
    """Everything a call shares with others.

    Attributes:
        reference: gives the snapshot to decide with; a call takes it once and keeps it.
        trunks: the networks whose asserted identities are believed.
        written_ends: gives the ends of legs, of those asked for, that the switch has written
            into its own records since an instant; switches greenlets, never raises.
    """

    settings: Settings
    clock: Clock
    reference: Callable[[], Reference]
    journal: CallJournal
    link: Link
    live_calls: LiveCalls
    ticker: Ticker
    metrics: Metrics
    log: FilteringBoundLogger
    trunks: Sequence[Network] = field(default_factory=tuple)
    written_ends: Callable[[Collection[str], int], Mapping[str, Event]] = _none_written

    @property
    def prompts(self) -> PromptFolder:
        """Where the files are that tell callers of prices."""
        return PromptFolder(self.settings.prompts, self.settings.voice)
