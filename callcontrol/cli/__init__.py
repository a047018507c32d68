"""The commands an operator types; each lives in the module of its name.

Exit codes: 0 done, 1 the answer is no, 2 wrong use or wrong configuration. Errors go to
standard error as plain sentences, never a traceback. A command's module is imported when the
command runs, so that `callcontrol --help` is quick and `rate` needs no database driver.
"""

from __future__ import annotations

import importlib
import sys

import typer

from callcontrol.errors import CallControlError, StoreUnavailable

# name of the command -> what `callcontrol --help` says of it; the order is that of a first day
COMMANDS = {
    "demo": "Show the main job: start everything embedded, place calls, print their records.",
    "check": "Say whether everything this engine needs is in place.",
    "migrate": "Bring the database schema to this version.",
    "roles": "Print the least-privilege database roles as SQL, for the owner to run.",
    "load": "Validate a reference file and write it to Postgres in one transaction.",
    "blacklist": "Show and change who is refused or let through, line by line or in bulk.",
    "history": "Show what was changed of a number, when and by whom.",
    "export": "Write the reference in Postgres back out as a reference file.",
    "schema": "Print the JSON Schema of the reference file.",
    "route": "Show what would happen to a call, and which rule decides.",
    "rate": "Price a call described in a JSON file; needs no database.",
    "prompts": "List what callers are told of prices; `prompts make` makes what is missing.",
    "serve": "Run the engine: take calls from the switch, meter them, record them.",
    "calls": "Show the calls in progress, with level and running charge.",
    "level": "Change the level of a running call, or of a number.",
    "top": "Show calls, rates, refusals, journal and link on one screen.",
    "cdrs": "Show call detail records, newest first.",
    "reconcile": "Compare the switch's own records and calls with ours: what differs?",
    "forget": "Remove the personal parts of records that are older than six months.",
    "journal": "Show what waits in the local journal; `journal ship` ships it now.",
    "settings": "Show every setting: in force, default, allowed, meaning.",
    "metrics": "Print the table of all series at /metrics.",
}


def commands(only: str | None = None) -> typer.Typer:
    """Build the command line.

    Args:
        only: the command that will run. With none, the command line can tell of all of them
            and run none.
    """
    app = typer.Typer(
        name="callcontrol",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        no_args_is_help=True,
        help="Call control for service numbers (0800, 084x, 090x) on FreeSWITCH: decides, "
        "connects, meters live and records every call exactly once.",
    )
    app.callback()(_nothing)
    for name, meaning in COMMANDS.items():
        if name != only:
            app.command(name=name, short_help=meaning)(_nothing)
            continue
        module = importlib.import_module(f"callcontrol.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name, short_help=meaning)
        else:
            app.command(name=name, short_help=meaning)(getattr(module, name))
    return app


def _nothing() -> None:
    pass


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its status."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        name = next((word for word in words if not word.startswith("-")), None)
        commands(name)(words, prog_name="callcontrol")
    except StoreUnavailable as exc:
        print(f"CALLCONTROL_DSN: {exc}", file=sys.stderr)
        sys.exit(2)
    except CallControlError as exc:
        print(exc, file=sys.stderr)
        sys.exit(2)
