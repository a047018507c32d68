"""What pydantic finds wrong with the shape of an entry, as faults in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from dialplan import Fault

# The rest of pydantic's messages are plain enough as they are.
_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "is not a word of the reference file",
    "string_pattern_mismatch": "has characters that are not allowed here",
    "string_too_long": "is longer than {max_length} characters",
    "string_type": "is not a word",
    "literal_error": "is not {expected}",
    "tuple_type": "is not a list",
    "frozen_set_type": "is not a list",
    "dict_type": "is not a group of words with values",
    "model_type": "is not a group of words with values",
}


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """Give every fault with its dotted path from what was validated."""
    for one in error.errors(include_url=False, include_input=False):
        path = ".".join(str(part) for part in one["loc"] if part != "[key]")
        message = _MESSAGES.get(one["type"]) or one["msg"].removeprefix("Value error, ")
        yield Fault(path=path, message=message.format_map(one.get("ctx", {})))
