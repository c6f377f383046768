"""The prompt for a test run: the short line, and the full context after a vague answer."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.pattern import pattern

SHOWN_FILES = 20
_PLAIN_PATH = pattern(r"[\w./@+-]{1,200}")
ANSWER = (
    "End with one line for each scenario, and nothing else on it: the scenario's name, directly followed by =PASS, or "
    "by =PARTIAL: or =FAIL: and what is missing."
)


def short_line(url: str) -> str:
    """The seed's line."""
    return f"/pr-test {url}"


def full_context(url: str, objective: str, files: Sequence[str], behaviours: Sequence[str]) -> str:
    """The seed's form for asking again. File names come from the work itself: only plain ones are included."""
    plain = [path for path in files if _PLAIN_PATH.fullmatch(path)]
    shown = ", ".join(plain[:SHOWN_FILES])
    others = len(files) - len(plain[:SHOWN_FILES])
    more = f" and {others} more" if others and shown else f"{others} files" if others else ""
    wanted = "; ".join(sanitize(text) for text in behaviours)
    return "\n".join([
        short_line(url),
        f"Context: This PR implements {sanitize(objective).rstrip('.') or 'what its description says'}. "
        f"Key files: {f'{shown}{more}' or 'see its diff'}.",
        f"Please verify: {wanted or 'each behaviour that the objective names, one scenario for each'}.",
        ANSWER,
    ])  # fmt: skip
