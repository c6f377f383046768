"""Which runs on a head count: GitHub also lists those that a newer run has replaced."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from fleetscripts.pull_request import Check, Suite


def current_checks(found: Sequence[Check]) -> list[Check]:
    """Without the replaced ones, in their order."""
    alike: dict[tuple[str, str, str], list[Check]] = {}
    for check in found:
        if not check.is_status:
            alike.setdefault((check.name, check.workflow, check.app), []).append(check)
    replaced = {
        id(old)
        for runs in alike.values()
        for old in runs
        if any(new is not old and _replaces(new, old) for new in runs)
    }
    return [check for check in found if id(check) not in replaced]


def _replaces(new: Check, old: Check) -> bool:
    """Whether one run replaced the other. Jobs of one name that ran in parallel both count, and so do runs for
    different events, unless one was cancelled in favour of the other."""
    if old.outcome == "CANCELLED":
        return new.outcome != "CANCELLED" and _began(new) >= _began(old)
    if new.event != old.event:
        return False
    if new.suite != old.suite:
        return _created(new) > _created(old)
    return old.completed_at is not None and new.started_at is not None and new.started_at >= old.completed_at


def current_workflows(found: Sequence[Suite]) -> list[Suite]:
    """The newest suite of each workflow and event; a cancelled one gives way to any newer one of its workflow."""
    suites = sorted((s for s in found if s.workflow), key=lambda s: (s.workflow, s.event, s.created_at or 0.0))
    newest = [list(runs)[-1] for _, runs in groupby(suites, key=lambda suite: (suite.workflow, suite.event))]
    return [old for old in newest if not any(_takes_over(new, old) for new in newest)]


def _takes_over(new: Suite, old: Suite) -> bool:
    is_same = new.workflow == old.workflow and new is not old
    is_cancelled = old.outcome == "CANCELLED" and new.outcome != "CANCELLED"
    return is_same and is_cancelled and (new.created_at or 0.0) >= (old.created_at or 0.0)


def _created(check: Check) -> tuple[float, float]:
    return check.created_at or 0.0, check.started_at or 0.0


def _began(check: Check) -> float:
    return max(_created(check))
