"""`python -m switchsim`: one stand-in switch, until SIGTERM."""

import argparse
import json
import logging
import os
import signal
import sys
from pathlib import Path

from switchsim import dialplan, quiet
from switchsim.loop import Loop
from switchsim.settings import Gateway, Settings, address
from switchsim.switch import Switch


def main(arguments: list[str] | None = None) -> int:
    """Runs a switch; prints one JSON line with its addresses when it is ready."""
    options = _parser().parse_args(arguments)
    loop = Loop()
    try:
        switch = Switch(_settings(options), loop)
    except (ValueError, OSError) as error:
        loop.close()
        print(f"switchsim: {error}", file=sys.stderr)  # noqa: T201
        return 2
    level = logging.DEBUG if options.verbose > 1 else logging.INFO
    logging.basicConfig(level=level if options.verbose else logging.ERROR, stream=sys.stderr)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.soon_from_signal(switch.shut_down))
    ready = {
        "sip": "{}:{}".format(*switch.sip_address),
        "event_socket": "{}:{}".format(*switch.event_socket_address),
        "pid": os.getpid(),
    }
    print(json.dumps(ready), flush=True)  # noqa: T201
    quiet.hush(standard_output=True)
    switch.run()
    switch.close()
    loop.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="switchsim", description=__doc__)
    add = parser.add_argument
    add("--sip", default="127.0.0.1:5080", help="address for SIP over UDP; port 0: any")
    add(
        "--event-socket",
        default="127.0.0.1:8021",
        help="address of the event socket; port 0: any",
    )
    add(
        "--password-env",
        default="SWITCHSIM_PASSWORD",
        metavar="NAME",
        help="environment variable with the event socket's password (ClueCon when unset)",
    )
    add("--socket", default="127.0.0.1:8084", metavar="A[|B]", help="engines, tried in order")
    add("--dialplan", type=Path, help="a JSON dialplan instead of the one for --socket")
    add("--gateway", action="append", default=[], metavar="NAME=HOST:PORT",
        help="a gateway of sofia/gateway/NAME/number; may be repeated")  # fmt: skip
    add("--cdr-folder", type=Path, help="write cdr-csv/Master.csv under this folder")
    add("--verbose", "-v", action="count", default=0, help="log to standard error")
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    gateways = {}
    for text in options.gateway:
        name, _, where = text.partition("=")
        host, port = address(where)
        gateways[name] = Gateway(name=name, host=host, port=port)
    for engine in options.socket.split("|"):
        address(engine)
    plan = (
        dialplan.load(options.dialplan)
        if options.dialplan
        else dialplan.service_numbers(options.socket)
    )
    sip = address(options.sip)
    return Settings(
        sip=sip,
        event_socket=address(options.event_socket),
        password=os.environ.get(options.password_env, "ClueCon"),
        dialplan=plan,
        gateways=gateways,
        ipv4=sip[0],
        cdr_folder=options.cdr_folder,
    )


if __name__ == "__main__":
    sys.exit(main())
