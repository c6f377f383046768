"""The narrowest permission rules that keep Claude Code from asking for our scripts, for settings.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fleetscripts.core.permissions.own_arguments import HARMLESS, PLAIN

ALSO = ("spawn-agent",)
"""Scripts with options that the hook leaves to the client, whose safety check has to be told all the same."""

EXACTLY = (
    *("status", "status --json", "status --brief", "status --all", "status --me"),
    *("balance", "balance --json", "balance --why", "balance --spent"),
)
"""Lines of scripts that have options which need a question, without them."""


def allow_rules(scripts: str) -> list[str]:
    """One rule for each script none of whose arguments needs a question; ``scripts``: their folder as it is called."""
    names = sorted({*ALSO, *(name for name, rule in HARMLESS.items() if rule is PLAIN)})
    return [*(f"Bash({scripts}/{name}:*)" for name in names), *(f"Bash({scripts}/{line})" for line in EXACTLY)]


def rules_missing(settings: Mapping[str, Any], rules: Sequence[str]) -> list[str]:
    """Those of the rules that the settings do not hold."""
    held = _allowed(settings)
    return [rule for rule in rules if rule not in held]


def with_rules(settings: Mapping[str, Any], rules: Sequence[str]) -> dict[str, Any]:
    """The settings with these rules added after what is there."""
    return _with_allowed(settings, [*_allowed(settings), *rules_missing(settings, rules)])


def without_rules(settings: Mapping[str, Any], rules: Sequence[str]) -> dict[str, Any]:
    """The settings without these rules; everything else as it was."""
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
