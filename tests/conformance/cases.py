"""All cases, in the order of the table."""

from __future__ import annotations

from typing import Final

from tests.conformance import lives, recorded, values

CASES: Final = (*values.CASES, *recorded.CASES, *lives.CASES)
