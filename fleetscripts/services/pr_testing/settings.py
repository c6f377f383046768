"""The table ``[test_queue]`` of config.toml: how pull requests are tested."""

from __future__ import annotations

from fleetscripts.config import Settings
from fleetscripts.config_table import Table
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem
from fleetscripts.services.worktrees.worktree_settings import TABLE as SLOTS_TABLE

TIMEOUT_SECONDS = 3600.0
MOST_AT_ONCE = 64
LEASE_SECONDS = 7200.0
"""For a caller without a living process; a longer test has to report before, or loses its turn."""


@dataclass(frozen=True, slots=True)
class PrTestSettings:
    """``command`` empty: the orchestrator tests. ``folder`` empty: the agent's worktree. ``environment``: names of
    variables that the command gets besides the few that every check gets."""

    command: str = ""
    timeout_seconds: float = TIMEOUT_SECONDS
    lease_seconds: float = LEASE_SECONDS
    folder: str = ""
    environment: tuple[str, ...] = ()
    exit_code_decides: bool = False
    parallel: int = 1
    """How many tests may run at once: more than one only if each has ports and databases of its own."""


def test_settings(settings: Settings) -> PrTestSettings:
    """The table in force; UsageProblem names what is invalid."""
    table = Table.of(settings.extra, "test_queue").only(PrTestSettings.__dataclass_fields__)
    parallel = table.whole("parallel", 1, 1, MOST_AT_ONCE)
    if parallel > 1 and SLOTS_TABLE not in settings.extra:
        raise UsageProblem(f"test_queue.parallel in config.toml: {parallel} at once need slots: add [{SLOTS_TABLE}]")
    return PrTestSettings(
        command=table.text("command"),
        timeout_seconds=table.seconds("timeout_seconds", TIMEOUT_SECONDS),
        lease_seconds=table.seconds("lease_seconds", LEASE_SECONDS),
        folder=table.text("folder"),
        environment=table.texts("environment"),
        parallel=parallel,
        exit_code_decides=table.flag("exit_code_decides"),
    )
