"""GitHub's secondary rate limit as an agent meets it: in what its own tools printed, never in what somebody quotes."""

from __future__ import annotations

import re

WAIT_SECONDS = 120
"""GitHub's own advice is "a few minutes"; being told twice within it would only make the agent try sooner."""

_LIMIT = r"(?:secondary rate limit|abuse detection|submitted too quickly)"
_PRINTED = re.compile(
    rf"^(?:gh: |GraphQL: |HTTP (?:403|429)[: ]|failed to \w[^\n]{{0,80}}: )[^\n]{{0,400}}{_LIMIT}"
    rf'|^\{{[^\n]{{0,2000}}"(?:code"\s*:\s*"abuse"|message"\s*:\s*"[^"\n]{{0,200}}{_LIMIT})',
    re.IGNORECASE | re.MULTILINE,
)
"""A line as ``gh`` prints it, or the JSON that GitHub answers. A quotation stands in other words or after a number."""
_MARK = re.compile(r"rate limit|abuse|too quickly")
"""Without any of these there is nothing to look for: tools print megabytes."""


def met_limit(printed: str) -> bool:
    """Whether a tool's output says that GitHub refused because of too many writes."""
    return _MARK.search(printed) is not None and _PRINTED.search(printed) is not None
