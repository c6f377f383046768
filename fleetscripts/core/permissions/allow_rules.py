"""The narrowest permission rules that keep Claude Code from asking for our scripts, for settings.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fleetscripts.core.permissions.own_arguments import HARMLESS, PLAIN

ALSO = ("spawn-agent",)
"""Scripts with options that the hook does not decide on, which need a rule nevertheless."""

EXACTLY = (
    *("status", "status --json", "status --brief", "status --all", "status --me"),
    *("balance", "balance --json", "balance --why", "balance --spent"),
)
"""Exact command lines, for scripts whose options need a question."""


def allow_rules(scripts: str) -> list[str]:
    """One rule for each script none of whose arguments needs a question; ``scripts``: their folder as it is called."""
    names = sorted({*ALSO, *(name for name, rule in HARMLESS.items() if rule is PLAIN)})
    return [*(f"Bash({scripts}/{name}:*)" for name in names), *(f"Bash({scripts}/{line})" for line in EXACTLY)]


def rules_missing(settings: Mapping[str, Any], rules: Sequence[str]) -> list[str]:
    """The rules that are missing in the settings."""
    held = _allowed(settings)
    return [rule for rule in rules if rule not in held]


def with_rules(settings: Mapping[str, Any], rules: Sequence[str]) -> dict[str, Any]:
    """The settings with these rules added at the end."""
    return _with_allowed(settings, [*_allowed(settings), *rules_missing(settings, rules)])


def without_rules(settings: Mapping[str, Any], rules: Sequence[str]) -> dict[str, Any]:
    """The settings without these rules; everything else unchanged."""
    left = [rule for rule in _allowed(settings) if rule not in rules]
    if not left and set(settings.get("permissions", {})) <= {"allow"}:
        return {name: value for name, value in settings.items() if name != "permissions"}
    return _with_allowed(settings, left)


def _allowed(settings: Mapping[str, Any]) -> list[Any]:
    permissions = settings.get("permissions")
    allowed = permissions.get("allow") if isinstance(permissions, Mapping) else None
    return list(allowed) if isinstance(allowed, list) else []


def _with_allowed(settings: Mapping[str, Any], allowed: list[Any]) -> dict[str, Any]:
    permissions = settings.get("permissions")
    before = dict(permissions) if isinstance(permissions, Mapping) else {}
    return {**settings, "permissions": {**before, "allow": allowed}}
