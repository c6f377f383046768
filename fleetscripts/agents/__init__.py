"""The kinds of agents: one module each, named here. What a kind knows of itself stands in its module alone."""

from __future__ import annotations

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "claude": "fleetscripts.agents.claude",
    "codex": "fleetscripts.agents.codex",
    "practice": "fleetscripts.agents.practice",
}
"""Name of a kind → the module that holds it as ``KIND``."""

DEFAULT_KIND = next(iter(KINDS))
"""What an agent is where nothing names its kind."""
