"""A link to the switch for a command's one question."""

from __future__ import annotations

from callcontrol import logs
from callcontrol.config import Settings
from callcontrol.esl.control import Control


def ask_switch(chosen: Settings, api_command: str, *arguments: str, deadline_s: float) -> str:
    """Ask the switch by one of its api commands, over a link of its own.

    Raises:
        SessionError: it cannot be reached, or does not answer in time.
    """
    link = Control(
        chosen.switch_host,
        chosen.switch_port,
        chosen.password(),
        on_event=lambda _event: None,
        log=logs.configure("error"),
    )
    try:
        link.open()
        return link.api(api_command, *arguments, deadline_s=deadline_s)
    finally:
        link.stop()
