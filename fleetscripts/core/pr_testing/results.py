"""Parses a test run's verdicts, scenario by scenario. An answer without verdicts is vague, and never passes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

LONGEST_NAME = 120
LONGEST_MISSING = 600
MOST_SCENARIOS = 200
_RESULT = pattern(
    rf"(?P<name>[^=\n]{{1,{LONGEST_NAME}}}?)\s*=\s*(?P<result>PASS|PARTIAL|FAIL)(?:\s*[:—–-]\s*(?P<missing>.*))?",
    re.DOTALL,
)
_ORNAMENTS = " \t-*•`>|"
"""What a model puts around a line of a list or a table."""


class PrTestResult(StrEnum):
    """The result of one scenario. PARTIAL blocks exactly as FAIL does."""

    PASS = "PASS"
    PARTIAL = "PARTIAL"
    FAIL = "FAIL"


_WORST = (PrTestResult.PASS, PrTestResult.PARTIAL, PrTestResult.FAIL)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario; ``missing`` says what did not work, empty if it passed."""

    name: str
    result: PrTestResult
    missing: str = ""

    def __str__(self) -> str:
        return f"{self.name}={self.result}{f': {self.missing}' if self.missing else ''}"


def scenario(text: str) -> Scenario | None:
    """``NAME=PASS``, ``NAME=PARTIAL: what is missing`` or ``NAME=FAIL: …``; None for any other text."""
    match = _RESULT.fullmatch(text.strip())
    if match is None or not match["name"].strip():
        return None
    missing = " ".join((match["missing"] or "").split())[:LONGEST_MISSING]
    result = PrTestResult(match["result"])
    return Scenario(" ".join(match["name"].split()), result, "" if result is PrTestResult.PASS else missing)


def in_output_line(line: str) -> Scenario | None:
    """The verdict on one line of a test's output, which may be in a list."""
    return scenario(line.strip(_ORNAMENTS))


def vague(words: Iterable[str]) -> list[str]:
    """Results that say nothing one could act on."""
    return [
        word
        for word in words
        if (found := scenario(word)) is None or (found.result is not PrTestResult.PASS and not found.missing)
    ]


def merged(found: Iterable[Scenario]) -> tuple[Scenario, ...]:
    """One verdict for each name, the worst: a scenario that passed at its second try did not pass."""
    by_name: dict[str, Scenario] = {}
    for one in found:
        known = by_name.get(one.name)
        if known is None and len(by_name) >= MOST_SCENARIOS:
            continue
        if known is None or _WORST.index(one.result) > _WORST.index(known.result):
            by_name[one.name] = one
    return tuple(by_name.values())


def failing(found: Iterable[Scenario]) -> tuple[Scenario, ...]:
    """Those that block."""
    return tuple(one for one in found if one.result is not PrTestResult.PASS)


def all_pass(found: Sequence[Scenario]) -> bool:
    """Whether there are verdicts, and every one is PASS."""
    return bool(found) and not failing(found)


def findings(found: Iterable[Scenario]) -> list[str]:
    """The failing scenarios in words for the agent."""
    return [f"{one.result}: {one.name}: {one.missing or 'the test does not say what'}" for one in failing(found)]
