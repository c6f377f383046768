"""Whether work needs a reviewer's verdict, by the table ``[review]`` of config.toml."""

from __future__ import annotations

from fleetscripts.adapters.records.store import StateMissing, Store
from fleetscripts.config import Settings
from fleetscripts.config_table import Table
from fleetscripts.core.gates.gates import GateResult
from fleetscripts.core.gates.review import reviewed, unreviewed
from fleetscripts.core.records.sanitize import shell_word
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.invocation import spelled

TABLE = "review"
MOST = 1000


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """``required``: no work is complete before a reviewer has passed its commit. ``most_waiting``: with more unreviewed
    finished work no task is started; 0: no limit."""

    required: bool = False
    most_waiting: int = 0


def review_settings(settings: Settings) -> ReviewSettings:
    """The table in force; UsageProblem names what is invalid."""
    table = Table.of(settings.extra, TABLE).only(ReviewSettings.__dataclass_fields__)
    return ReviewSettings(table.flag("required"), table.whole("most_waiting", 0, 0, MOST))


def review_gate(agent: Agent, settings: Settings, head: str) -> GateResult | None:
    """The gate, or None if no review is required."""
    if not review_settings(settings).required:
        return None
    call = f"{spelled('spawn-agent')} --role review --of {shell_word(agent.handle)}"
    return reviewed(agent.verdict.review, head, call=call)


def too_much_unreviewed(settings: Settings) -> str:
    """Why no further work is started, empty if it may be."""
    most = review_settings(settings).most_waiting
    waiting = unreviewed_now(settings) if most else []
    if len(waiting) <= most:
        return ""
    names = ", ".join(agent.handle for agent in waiting)
    return (
        f"work of {len(waiting)} agents waits for review, more than most_waiting ({most}): no task is started ({names})"
    )


def unreviewed_now(settings: Settings) -> list[Agent]:
    """Agents whose finished work waits for a review."""
    try:
        return unreviewed(Store(settings.state_file).read().agents)
    except StateMissing:
        return []
