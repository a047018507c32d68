"""Each conformance case twice: plain greenswitch shows the defect, our sessions do not."""

from __future__ import annotations

import pytest

from tests.integration.esl.conformance.cases import CASES, Case
from tests.integration.esl.conformance.stage import Stage

EACH_CASE = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@EACH_CASE
def test_ours_gets_it_right(case: Case):
    """What a sound library gives."""
    with Stage("ours_subject", limit=case.limit) as stage:
        assert case.play(stage) == case.right


@EACH_CASE
def test_plain_greenswitch_shows_why_the_case_is_there(case: Case):
    """The case can tell the difference; if this fails, greenswitch has been mended."""
    with Stage("greenswitch_subject", limit=case.limit) as stage:
        assert case.play(stage) == case.greenswitch
