"""`python -m switchsim.phones answer|call`: parties as commands, reporting JSON lines."""

import argparse
import json
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from switchsim.loop import Loop
from switchsim.phones.caller import Caller, Plan
from switchsim.phones.destination import Destination, parse_rule
from switchsim.settings import address

_FIELDS = {"number", "sender", "display", "identity", "privacy", "talk_s", "cancel_s", "digits",
           "label", "headers"}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Runs one party."""
    options = _parser().parse_args(arguments)
    loop = Loop()
    try:
        start = _answer if options.command == "answer" else _call
        start(loop, options)
        loop.run()
    except (ValueError, OSError) as error:
        print(f"phones: {error}", file=sys.stderr)  # noqa: T201
        return 2
    finally:
        loop.close()
    return 0


def _end_on_signals(loop: Loop) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop_from_signal())


def _report(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201


def _answer(loop: Loop, options: argparse.Namespace) -> None:
    rules = [parse_rule(text) for text in options.rule]
    binds = options.bind or ["127.0.0.1:5090"]
    parties = [Destination(loop, address(bind), rules, _report) for bind in binds]
    _end_on_signals(loop)
    ready = ["{}:{}".format(*party.line.address) for party in parties]
    _report({"event": "ready", "sip": ready})


def _call(loop: Loop, options: argparse.Namespace) -> None:
    left = 0

    def ended(summary: dict[str, Any]) -> None:
        nonlocal left
        _report(summary)
        left -= 1
        if left == 0:
            loop.stop()

    plans = _plans(options)
    caller = Caller(loop, address(options.bind), address(options.to), ended)
    left = len(plans)
    _end_on_signals(loop)
    for after, plan in plans:
        loop.later(after, partial(caller.place, plan))
    if not plans:
        loop.stop()


def _plans(options: argparse.Namespace) -> list[tuple[float, Plan]]:
    if options.file:
        text = (
            sys.stdin.read() if options.file == "-" else Path(options.file).read_text("utf-8")
        )
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    else:
        own = {name: getattr(options, name) for name in _FIELDS if hasattr(options, name)}
        gap = 1 / options.rate
        rows = [{**own, "after_s": index * gap} for index in range(options.count)]
    plans = []
    for row in rows:
        unknown = set(row) - _FIELDS - {"after_s"}
        if unknown:
            raise ValueError(f"no such field of a call: {', '.join(sorted(unknown))}")
        fields = {name: value for name, value in row.items() if name in _FIELDS}
        plans.append((float(row.get("after_s", 0)), Plan(**fields)))
    return plans


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="switchsim.phones", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    answer = commands.add_parser("answer", help="destinations that answer by rules")
    answer.add_argument("--bind", action="append", metavar="HOST:PORT", help="may be repeated")
    answer.add_argument("--rule", action="append", default=[], metavar="PATTERN=WORDS")
    call = commands.add_parser("call", help="a caller that places calls")
    add = call.add_argument
    add("--bind", default="127.0.0.1:0")
    add("--to", required=True, metavar="HOST:PORT", help="the switch")
    add("--file", help="calls as JSON lines (fields as the options, and after_s); - is stdin")
    add("--number", default="0900123456")
    add("--from", dest="sender", default="+41795550001")
    add("--display", default="")
    add("--identity", default="", help="P-Asserted-Identity")
    add("--privacy", default="")
    add(
        "--talk",
        dest="talk_s",
        type=float,
        default=1.0,
        help="seconds until the caller hangs up",
    )
    add(
        "--cancel",
        dest="cancel_s",
        type=float,
        help="seconds until an unanswered call is given up",
    )
    add("--digits", default="")
    add("--count", type=int, default=1)
    add("--rate", type=float, default=10.0, help="calls a second")
    return parser


if __name__ == "__main__":
    sys.exit(main())
