"""Quotes other people's text inside ours: between fences that it cannot close."""

from __future__ import annotations

import re

from fleetscripts.core.records.sanitize import sanitize_lines


def fenced(text: str) -> str:
    """The text between two lines of more back-quotes than it has in a row, without control characters."""
    shown = sanitize_lines(text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{shown}\n{fence}"
