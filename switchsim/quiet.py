"""Keeps sippy from writing where others read.

sippy prints what it cannot handle to the standard output it found when it was imported; ours
carries one JSON line. What it prints goes to logging instead.
"""

import logging
import sys
from typing import TextIO

from sippy.Core.Exceptions import dump_exception

log = logging.getLogger(__name__)


class LogStream:
    """As much of a text file as `print` and sippy need; every line is logged."""

    def __init__(self) -> None:
        self._line = ""

    def write(self, text: str) -> int:
        """Logs whole lines."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            log.info("%s", line)
        return len(text)

    def flush(self) -> None:
        """Nothing waits but an unfinished line."""


def hush(*, standard_output: bool = False) -> None:
    """Sends what sippy prints to logging.

    Args:
        standard_output: also what it prints with `print`; nothing else may use it then.
    """
    stream = LogStream()
    # Its default argument is the stream of the moment of import.
    dump_exception.__defaults__ = (stream, None)
    if standard_output:
        sys.stdout = _as_text_file(stream)


def _as_text_file(stream: LogStream) -> TextIO:
    return stream  # type: ignore[return-value]
