"""Markers count from the agent's own words only: a whole line, exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.gates.completion import DONE_LINE, checkpoints, says_done

COUNTS = {
    "alone": "ORCHESTRATOR:DONE",
    "as the last line": "All green.\n\nORCHESTRATOR:DONE",
    "with invisible blanks behind": "ORCHESTRATOR:DONE  \r\n",
    "after a closed fence": "```\nmake test\n```\nORCHESTRATOR:DONE",
    "after an inline fence": "```quoted``` text\nORCHESTRATOR:DONE",
}
COUNTS_NOT = {
    "inside a sentence": "I will print ORCHESTRATOR:DONE when ready.",
    "with a full stop": "ORCHESTRATOR:DONE.",
    "indented": "    ORCHESTRATOR:DONE",
    "as a list item": "- ORCHESTRATOR:DONE",
    "in a block quote": "> ORCHESTRATOR:DONE",
    "in backticks": "`ORCHESTRATOR:DONE`",
    "bold": "**ORCHESTRATOR:DONE**",
    "in a fence": "The protocol:\n```\nORCHESTRATOR:DONE\n```",
    "in a tilde fence": "~~~text\nORCHESTRATOR:DONE\n~~~",
    "in a longer fence that holds a shorter one": "````\n```\nORCHESTRATOR:DONE\n```\n````",
    "in lower case": "orchestrator:done",
    "with a look-alike colon": "ORCHESTRATOR：DONE",
    "behind a vertical tab": "x\vORCHESTRATOR:DONE",
    "behind a unicode line separator": "x\u2028ORCHESTRATOR:DONE",
}


@pytest.mark.parametrize("how", COUNTS)
def test_done_counts(how: str) -> None:
    assert says_done(COUNTS[how])


@pytest.mark.parametrize("how", COUNTS_NOT)
def test_done_does_not_count(how: str) -> None:
    assert not says_done(COUNTS_NOT[how])


def test_steps_are_named_once_in_order() -> None:
    text = (
        "CHECKPOINT:pr-test\nsome words\nCHECKPOINT:pr-address\nCHECKPOINT:pr-test\nsee CHECKPOINT:no\n CHECKPOINT:no"
    )
    assert checkpoints(text) == ("pr-test", "pr-address")


def test_a_step_may_hold_blanks_but_not_be_empty() -> None:
    assert checkpoints("CHECKPOINT:run the tests\nCHECKPOINT:\nCHECKPOINT: ") == ("run the tests",)


@given(st.text(), st.text())
def test_a_line_with_anything_visible_around_it_never_counts(before: str, after: str) -> None:
    line = f"{before}{DONE_LINE}{after}"
    if "\n" not in line and line.rstrip() != DONE_LINE:
        assert not says_done(line)
