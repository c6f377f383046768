"""Title and text of a new pull request, from the objective. Pure."""

from __future__ import annotations

from fleetscripts.core.records.redact import redact
from fleetscripts.core.records.sanitize import fenced, fit, sanitize

LONGEST_TITLE = 100
"""Columns."""
MOST_OF_A_TITLE = 250
"""Characters, some of which have no width; GitHub takes 256."""
LONGEST_OBJECTIVE = 60_000
"""Characters; GitHub takes 65,536 for the whole text."""


def pull_title(objective: str, branch: str) -> str:
    """The objective's first line with content, secrets masked, else the branch's name."""
    lines = (sanitize(line) for line in redact(objective).splitlines())
    return fit(next((line for line in lines if line), branch), LONGEST_TITLE)[:MOST_OF_A_TITLE]


def pull_body(objective: str) -> str:
    """The objective between fences, so that it mentions nobody and closes no issue. Secrets masked."""
    shown = redact(objective).strip()
    if len(shown) > LONGEST_OBJECTIVE:
        shown = f"{shown[:LONGEST_OBJECTIVE]}\n[cut]"
    return f"The task, as it was given:\n\n{fenced(shown)}\n" if shown else ""
