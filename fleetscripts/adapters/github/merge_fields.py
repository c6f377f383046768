"""Parses the rules of a pull request's base, and its merge state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts.adapters.github.answer_fields import maybe_number, maybe_time, nodes
from fleetscripts.pull_request import Merge, RequiredCheck

LONGEST_REASON = 80
"""For a merge queue's reason, which is any text."""


def required_checks(node: Mapping[str, Any]) -> tuple[RequiredCheck, ...]:
    """The checks required for a merge into the base: by its protection, and by rulesets."""
    base = node.get("baseRef") or {}
    named = [{"context": name} for name in (base.get("refUpdateRule") or {}).get("requiredStatusCheckContexts") or []]
    for rule in nodes(base.get("rules") or {"nodes": []}):
        named += (rule.get("parameters") or {}).get("requiredStatusChecks") or []
    known = [one for one in named if isinstance(one.get("context"), str) and one["context"]]
    return tuple(dict.fromkeys(RequiredCheck(one["context"], maybe_number(one, "integrationId")) for one in known))


def merge_state(node: Mapping[str, Any]) -> Merge:
    entry = node.get("mergeQueueEntry") or {}
    (last,) = nodes(node.get("mergeQueueEvents") or {"nodes": []})[-1:] or ({},)
    return Merge(
        decision=str(node.get("reviewDecision") or ""),
        state=str(node.get("mergeStateStatus") or ""),
        is_automatic=bool(node.get("autoMergeRequest")),
        queue_state=str(entry.get("state") or ""),
        queue_position=maybe_number(entry, "position"),
        removed_at=maybe_time(last.get("createdAt")),
        removed_for=str(last.get("reason") or "")[:LONGEST_REASON],
    )
