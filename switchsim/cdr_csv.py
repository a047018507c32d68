"""The switch's own record of each call: a line in `cdr-csv/Master.csv` at its leg's end."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from switchsim.variables import expand

# The template of freeswitch-conf/autoload_configs/cdr_csv.conf.xml.
TEMPLATE = (
    '"${uuid}","${start_uepoch}","${answer_uepoch}","${end_uepoch}","${hangup_cause}",'
    '"${sip_hangup_disposition}","${bridge_hangup_cause}","${bridge_uuid}","${sip_term_status}",'
    '"${cc_engine}","${cc_call}","${cc_changes}"\n'
)

log = logging.getLogger(__name__)


def write_line(folder: Path, lookup: Callable[[str], str | None]) -> None:
    """Adds a line with one write, as the switch does; trouble is told, and costs no call."""
    line = expand(TEMPLATE, lookup).encode("utf-8", "surrogateescape")
    try:
        (folder / "cdr-csv").mkdir(exist_ok=True)
        path = folder / "cdr-csv" / "Master.csv"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            os.write(file, line)
        finally:
            os.close(file)
    except OSError:
        log.exception("no record written")
