"""The whole system with a real FreeSWITCH, beside the same switch without an engine.

    FREESWITCH=/usr/bin/freeswitch python -m bench.whole_system [--quick] [--rounds 3]

`ours` does all its work: decision, meter, journal on the disk, records in Postgres; `direct`
bridges by the switch's dialplan (systems.py). Rounds of the two alternate, because everything
shares the machine: CPU is that of the processes alone, less what they need while nobody calls;
delays and calls a second are to be compared only with the other's of the same run.

Each line says whether it is within the aim: of the switch's CPU at most 6 ms a call above
`direct`, and no more for a call that lasts longer; of the engine's at most 1.5 ms; the answer
at most 30 ms later; at least 80 % of the calls a second when there is no more CPU. The aims are
for a machine on which `direct` needs 18.5 ms for a call of 2 s; on a slower one milliseconds of
CPU are judged in proportion, and printed as they are.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import structlog

from bench.systems import WAYS, Round, System, systems

SWITCH_MS, ENGINE_MS, LATER_MS, SHARE = 6.0, 1.5, 30.0, 0.8
# What a call may cost more a second than `direct`: what cannot be told from nothing.
A_SECOND_MS = 0.1
DIRECT_MS = 18.5
# Calls in progress at once, and how long each talks, to see how many a second there can be.
_AT_ONCE, _FULL_TALK_S = 60, 0.5
_WARM_CALLS, _PER_SECOND = 60, 10.0

Idle = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What all rounds of one way and one length of call came to.

    Attributes:
        idle: CPU seconds a second of each process while nobody calls.
        rounds: as they were.
    """

    idle: Mapping[str, float]
    rounds: list[Round] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """Give how many calls there were."""
        return sum(one.calls for one in self.rounds)

    @property
    def failed(self) -> int:
        """Give how many went wrong."""
        return sum(one.failed for one in self.rounds)

    @property
    def per_second(self) -> float:
        """Give the calls a second."""
        return self.calls / sum(one.took_s for one in self.rounds)

    def answer_ms(self, percent: int) -> float:
        """Give the delay from the INVITE to its answer that so many calls stay within."""
        waits = [one for each in self.rounds for one in each.answers_ms]
        return statistics.quantiles(waits, n=100)[percent - 1]

    def cpu_ms(self, process: str) -> float:
        """Give the CPU of a process for a call, less what it needs anyhow; median of rounds."""
        idle_s = self.idle[process]
        return statistics.median(
            (one.cpu_s[process] - one.took_s * idle_s) * 1000 / one.calls for one in self.rounds
        )


def measure(made: Mapping[str, System], *, rounds: int, calls: int) -> Iterator[str]:
    """Call, and give the table line by line."""
    idle = {}
    for way, system in made.items():
        system.play(_WARM_CALLS, talk_s=0.5, per_second=_PER_SECOND)
        idle[way] = system.idle()
    yield f"{'':30}{'direct':>10}{'ours':>10}{'more':>10}"
    more_ms, slower = {}, 1.0
    for talk_s in (2.0, 20.0):
        found = _played(made, idle, rounds, calls=calls, talk_s=talk_s)
        direct, ours = found["direct"], found["ours"]
        switch = [found[way].cpu_ms("switch") for way in WAYS]
        more_ms[talk_s] = switch[1] - switch[0]
        if talk_s == 2.0:
            slower = max(1.0, switch[0] / DIRECT_MS)
        yield f"{direct.calls + ours.calls} calls of {talk_s:.0f} s, {_PER_SECOND:.0f} a second"
        yield _line("  switch, CPU ms a call", *switch, aim=SWITCH_MS * slower)
        yield _line("  engine, CPU ms a call", 0, ours.cpu_ms("engine"), aim=ENGINE_MS * slower)
        answers = [found[way].answer_ms(50) for way in WAYS]
        yield _line("  INVITE to 200, p50 ms", *answers, aim=LATER_MS)
        yield _line("  INVITE to 200, p95 ms", *(found[way].answer_ms(95) for way in WAYS))
        yield _line("  failed", direct.failed, ours.failed)
    a_second_ms = (more_ms[20.0] - more_ms[2.0]) / 18
    yield _line("switch, CPU ms a call-second", 0, a_second_ms, aim=A_SECOND_MS * slower)
    found = _played(made, idle, rounds, calls=5 * calls, talk_s=_FULL_TALK_S, at_once=_AT_ONCE)
    direct, ours = found["direct"], found["ours"]
    share = ours.per_second / direct.per_second
    yield f"{direct.calls + ours.calls} calls, {_AT_ONCE} at once"
    yield (
        f"{'  calls a second':30}{direct.per_second:10.1f}{ours.per_second:10.1f}{share:10.0%}"
        f"   {_judged(share >= SHARE)}: at least {SHARE:.0%}"
    )
    yield _line("  switch, CPU ms a call", direct.cpu_ms("switch"), ours.cpu_ms("switch"))
    yield _line("  engine, CPU ms a call", 0, ours.cpu_ms("engine"))
    yield _line("  failed", direct.failed, ours.failed)
    yield f"aims in CPU times {slower:.2f}: so much slower is this machine than the aims' own"
    for way in WAYS:
        told = ", ".join(f"{name} {used * 1000:.1f}" for name, used in idle[way].items())
        yield f"while nobody calls, CPU ms a second: {way}: {told}"


def _played(
    made: Mapping[str, System],
    idle: Idle,
    rounds: int,
    *,
    calls: int,
    talk_s: float,
    at_once: int | None = None,
) -> dict[str, Figures]:
    """Play rounds of both ways in turn, each first in every second one."""
    found = {way: Figures(idle=idle[way]) for way in WAYS}
    per_second = _PER_SECOND if at_once is None else 2000.0
    for n in range(rounds):
        for way in WAYS if n % 2 == 0 else reversed(WAYS):
            played = made[way].play(
                calls, talk_s=talk_s, per_second=per_second, at_once=at_once
            )
            found[way].rounds.append(played)
    return found


def _line(what: str, direct: float, ours: float, aim: float | None = None) -> str:
    more = ours - direct
    line = f"{what:30}{direct:10.2f}{ours:10.2f}{more:10.2f}"
    return line if aim is None else f"{line}   {_judged(more <= aim)}: at most {aim:.2f}"


def _judged(is_within: bool) -> str:
    return "within the aim" if is_within else "NOT within the aim"


def main() -> None:
    """Measure everything and print the table as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="half of the calls, one round")
    parser.add_argument("--rounds", type=int, default=3, help="of each kind")
    wanted = parser.parse_args()
    program = os.environ.get("FREESWITCH")
    if not program:
        parser.error("FREESWITCH must name the freeswitch program")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    rounds, calls = (1, 50) if wanted.quick else (wanted.rounds, 100)
    with systems(program) as made:
        for line in measure(made, rounds=rounds, calls=calls):
            print(line, flush=True)


if __name__ == "__main__":
    main()
