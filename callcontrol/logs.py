"""structlog set-up: JSON lines, one per call moment, with people's numbers masked.

The events of a call's life have fixed names: `call_received`, `call_decided`,
`attempt_started`, `attempt_ended`, `call_answered`, `level_changed`, `call_released`,
`call_recorded`. A warning means that someone should look.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from functools import lru_cache
from typing import TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from callcontrol.clock import SystemClock, at_of
from callcontrol.log_stream import LogStream

# Five leading and two trailing digits may be seen (domain rule 2); what lies between is hidden.
# Nine digits are the shortest that can be one person's number; shorter digit runs are counts.
_NUMBER = re.compile(r"(?<![\w.-])(\+?\d{5})(\d{2,})(\d{2})(?![\w.-])")

# Fields that hold no person's number though they may look like one.
_OURS = frozenset({"called", "number", "call_id", "leg_uuid"})

_CLOCK = SystemClock()

_LEVELS = {"exception": "error", "warn": "warning"}  # else a line's level is its method

# What is no plain value is written as Python shows it; only times have a form of their own.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_UTC_Z


@lru_cache(maxsize=1024)
def masked(text: str) -> str:
    """Hide the middle of every telephone number in a text: `+41795550001` is `+41795****01`."""
    return _NUMBER.sub(lambda m: f"{m[1]}{'*' * len(m[2])}{m[3]}", text)


def _line(_logger: WrappedLogger, method: str, event: EventDict) -> str:
    """Write an event as one line of JSON, masked, with its level and the time."""
    if "exc_info" in event:
        event = structlog.processors.format_exc_info(_logger, method, event)
    shown = {name: value if name in _OURS else _shown(value) for name, value in event.items()}
    shown["level"] = _LEVELS.get(method, method)
    shown["timestamp"] = at_of(_CLOCK.now_us())
    try:
        return orjson.dumps(shown, default=repr, option=_OPTIONS).decode()
    except TypeError:  # half a surrogate pair, an int of more than 64 bits
        return json.dumps(shown, default=str)


def _shown(value: object) -> object:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, list):
        return [masked(item) if isinstance(item, str) else item for item in value]
    return value


def configure(
    level: str = "info", *, stream: TextIO | LogStream | None = None
) -> FilteringBoundLogger:
    """Set structlog up for this process and give the root logger.

    Args:
        level: `debug`, `info`, `warning` or `error`; lines below it are not made.
        stream: where lines go; standard error when None.
    """
    structlog.configure(
        processors=[_line],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(
            file=cast("TextIO", sys.stderr if stream is None else stream)
        ),
        cache_logger_on_first_use=True,
    )
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger
