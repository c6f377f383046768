"""The worktree that recycle-agent is asked to recycle: from the record, the call, or both if they agree."""

from __future__ import annotations

import os
from pathlib import Path

from fleetscripts.core.planning.capacity import spare_number
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem
from fleetscripts.fleet import Agent


@dataclass(frozen=True, slots=True)
class RecycleOptions:
    """The call's values beside the window. Path and branch are needed only if the record has none."""

    path: Path | None = None
    spare_branch: str = ""
    force: bool = False

    def place_of(self, agent: Agent) -> tuple[Path, str]:
        """The worktree's real path and its spare branch; given values must agree with the record."""
        recorded = Path(os.path.realpath(agent.worktree_path)) if agent.worktree_path else None
        given = Path(os.path.realpath(self.path)) if self.path else None
        if given and recorded and given != recorded:
            raise UsageProblem(f"the agent's worktree is {recorded}, not {given}: give that, or none")
        path = recorded or given
        known = agent.spare_branch
        branch = self.spare_branch or known
        if path is None or not branch:
            raise UsageProblem("the record names no worktree or no spare branch: give both, PATH and SPARE_BRANCH")
        if known and branch != known:
            raise UsageProblem(f"the worktree's spare branch is {known}, not {branch}: give that, or none")
        if spare_number(branch) is None:
            raise UsageProblem(f"expected a spare branch like spare/3, found {branch!r}")
        return path, branch
