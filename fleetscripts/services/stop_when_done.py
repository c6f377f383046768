"""Is everything finished, so that the fleet may stop? Asks the records, and GitHub for all pull requests at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from fleetscripts.adapters.github_problems import GitHubProblem
from fleetscripts.adapters.head import head_commit
from fleetscripts.adapters.journal import Journal
from fleetscripts.config import Settings
from fleetscripts.core.gates import GateResult
from fleetscripts.core.stopping import SETTLED, Obstacle, on_github, on_record
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.pull_request import PullKey, PullRequest, PullState
from fleetscripts.services.verify_github import ask_github, github, pull_key, pulls_of

Pulls = Mapping[PullKey, PullRequest | GitHubProblem]


def obstacles(settings: Settings, fleet: Fleet) -> list[Obstacle]:
    """Everything that stands in the way, the records' part first."""
    agents = [agent for agent in fleet.agents if agent.state in SETTLED]
    pulls: Pulls = pulls_of(agents, fleet, github(settings))
    gates = {agent.key: _gates(agent, fleet, settings, pulls) for agent in agents}
    return on_record(fleet.agents, fleet.orchestrator_seen_at) + on_github(agents, gates, _accepted(settings, agents))


def _gates(agent: Agent, fleet: Fleet, settings: Settings, pulls: Pulls) -> tuple[GateResult, ...]:
    """The gates of its pull request. Work that is done and merged is over, wherever its worktree stands by now."""
    try:
        key = pull_key(agent, fleet)
    except FleetError:
        key = None  # ask_github says what is wrong with the record
    pull = pulls.get(key) if key is not None else None
    if agent.state is AgentState.DONE and isinstance(pull, PullRequest) and pull.state is PullState.MERGED:
        return ()
    head = head_commit(Path(agent.worktree_path)) if agent.worktree_path else ""
    return ask_github(agent, fleet, settings, head, pulls).gates


def _accepted(settings: Settings, agents: Iterable[Agent]) -> dict[tuple[str, float], set[str]]:
    """By agent, the gates that were overridden when it was evaluated: the journal has them."""
    found: dict[tuple[str, float], set[str]] = {agent.key: set() for agent in agents if agent.finished}
    overrides = [line for line in Journal(settings.journal_file).read() if line.get("event") == "override"]
    for agent in agents:
        began = agent.task_started_at or agent.spawned_at
        for line in overrides:
            at = line.get("at")
            if agent.finished and line.get("window") == agent.window and isinstance(at, int | float) and at >= began:
                found[agent.key].add(str(line.get("gate", "")))
    return found
