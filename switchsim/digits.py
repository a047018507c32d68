"""The application play_and_get_digits: prompts, and collects what the caller keys in."""

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from switchsim.variables import leading_number

if TYPE_CHECKING:
    from switchsim.command_queue import Steps
    from switchsim.session import Session

Prompt = Callable[["Session", str], "Steps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to collect: how many digits in how many tries, and how to ask.

    Args:
        patience_s: seconds for the first digit, `between_s` for every further one.
    """

    least: int
    most: int
    tries: int
    patience_s: float
    terminators: str
    prompt: str
    prompt_invalid: str
    variable: str
    pattern: str
    between_s: float


def wanted_by(argument: str) -> Wanted | None:
    """Reads `min max tries timeout terminators file invalid [variable regex digit_timeout]`.

    Times are milliseconds. None when something is missing.
    """
    words = argument.split()
    if len(words) < 7:
        return None
    patience_s = leading_number(words[3]) / 1000
    return Wanted(
        least=leading_number(words[0]),
        most=leading_number(words[1]),
        tries=max(1, leading_number(words[2])),
        patience_s=patience_s,
        terminators="" if words[4] == "none" else words[4],
        prompt=words[5],
        prompt_invalid=words[6],
        variable=words[7] if len(words) > 7 else "",
        pattern=words[8] if len(words) > 8 else "",
        between_s=leading_number(words[9]) / 1000 if len(words) > 9 else patience_s,
    )


def play_and_get_digits(session: "Session", wanted: Wanted, play: Prompt) -> "Steps":
    """Asks until the digits fit, the tries are used up or the call has ended."""
    put = session.channel.variables.set
    session.pressed.clear()
    for name in (wanted.variable, f"{wanted.variable}_invalid", "read_terminator_used"):
        if wanted.variable:
            put(name, None)
    for _ in range(wanted.tries):
        digits = yield from _one_try(session, wanted, play)
        if not session.is_up:
            break
        fits = len(digits) >= wanted.least and re.search(wanted.pattern, digits)
        if fits and digits:
            put("read_result", "success")
            put(wanted.variable, digits)
            return
        if digits and wanted.variable:
            put(f"{wanted.variable}_invalid", digits)
        yield from play(session, wanted.prompt_invalid)
    put("read_result", "failure")


def _one_try(
    session: "Session", wanted: Wanted, play: Prompt
) -> Generator[float | None, None, str]:
    """The digits of one try: up to the terminator, the most wanted or the timeout."""
    clock, pressed = session.switch.loop.clock, session.pressed
    if not pressed:
        yield from play(session, wanted.prompt)
    digits = ""
    until_us = clock.wall_us() + int(wanted.patience_s * 1e6)
    while session.is_up and len(digits) < wanted.most:
        if pressed:
            digit = pressed.popleft()
            if digit in wanted.terminators:
                session.channel.variables.set("read_terminator_used", digit)
                break
            digits += digit
            until_us = clock.wall_us() + int(wanted.between_s * 1e6)
            continue
        left_s = (until_us - clock.wall_us()) / 1e6
        if left_s <= 0:
            break
        yield left_s
        yield from session.queue.run()
    return digits
