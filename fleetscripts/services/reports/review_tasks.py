"""The heartbeat's items about task files."""

from __future__ import annotations

from fleetscripts.config import Settings
from fleetscripts.core.planning.task_plan import PAUSING, READY
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.reports.review import Item
from fleetscripts.errors import FleetError
from fleetscripts.invocation import spelled
from fleetscripts.services.tasks.tasks import Survey, archive_finished, survey

MOST_NAMES = 12


def tasks_reviewed(settings: Settings, now: float, archives: bool) -> tuple[list[str], list[Item]]:
    """What was archived, if ``archives``; then ready tasks that nobody works on, those that can never begin, and
    invalid files. An unusable folder is one of these, and does not affect the others."""
    archived: list[str] = []
    try:
        archived = [sanitize(f"task {line}") for line in archive_finished(settings, now)] if archives else []
        return archived, _left(survey(settings, now))
    except FleetError as error:
        return archived, [Item("task_problem", "", sanitize(str(error)))]


def _left(found: Survey) -> list[Item]:
    ready = [one.task.name for one in found.standings if one.state == READY]
    stuck = [one for one in found.standings if one.state == PAUSING or one.never]
    items = [
        Item("task_problem", "", f"task {one.task.name}: {one.why}", (f"{spelled('tasks')} list",)) for one in stuck
    ]
    items += [Item("task_problem", "", problem) for problem in found.problems]
    if ready:
        more = f" and {len(ready) - MOST_NAMES} more" if len(ready) > MOST_NAMES else ""
        names = ", ".join(ready[:MOST_NAMES]) + more
        what = f"{len(ready)} pending task{'s' * (len(ready) > 1)} that no agent works on: {names}"
        items.append(Item("tasks", "", what, (f"{spelled('tasks')} dispatch", spelled("capacity"))))
    return items
