"""The agent kinds: one module each, registered here. A kind's facts are in its module alone."""

from __future__ import annotations

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "claude": "fleetscripts.agents.claude",
    "codex": "fleetscripts.agents.codex",
    "practice": "fleetscripts.agents.practice",
}
"""Name of a kind → its module, which has it as ``KIND``."""

DEFAULT_KIND = next(iter(KINDS))
"""An agent's kind if nothing names it."""
