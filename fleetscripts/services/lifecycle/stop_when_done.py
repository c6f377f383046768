"""Checks whether everything is finished, so that the fleet may stop: records, and GitHub for all pull requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from fleetscripts.adapters.git.head import head_commit
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.config import Settings
from fleetscripts.core.gates.gate_table import ask_pull_gates
from fleetscripts.core.gates.gates import GateResult
from fleetscripts.core.planning.stopping import SETTLED, Obstacle, in_test_queue, on_github, on_record
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.pull_request import PullState
from fleetscripts.services.pr_testing.queue import PrTestQueue
from fleetscripts.services.pulls.pull_reading import Reader, github, keys_of
from fleetscripts.services.pulls.verify_github import ask_github


def obstacles(settings: Settings, fleet: Fleet, environ: Mapping[str, str]) -> list[Obstacle]:
    """All obstacles, those in the records first."""
    agents = [agent for agent in fleet.agents if agent.state in SETTLED]
    pulls = github(settings).pull_requests(keys_of(agents, fleet))
    gates = {agent.key: _gates(agent, fleet, settings, pulls.__getitem__) for agent in agents}
    return [
        *on_record(fleet.agents, fleet.orchestrator_seen_at),
        *on_github(agents, gates, _accepted(settings, agents)),
        *in_test_queue(fleet.agents, PrTestQueue(settings, environ).read()),
    ]


def _gates(agent: Agent, fleet: Fleet, settings: Settings, read: Reader) -> tuple[GateResult, ...]:
    """The gates of its pull request. Work that is done and merged is finished, wherever its worktree is."""
    head = head_commit(Path(agent.worktree_path)) if agent.worktree_path else ""
    answer = ask_github(agent, fleet, settings, head, read)
    merged = answer.pull is not None and answer.pull.state is PullState.MERGED
    is_over = merged and agent.state is AgentState.DONE
    return () if is_over else ask_pull_gates(answer.evidence, answer.instead)


def _accepted(settings: Settings, agents: Iterable[Agent]) -> dict[str, set[str]]:
    """For each agent that is done, the gates overridden at its evaluation, from the journal."""
    done = [agent for agent in agents if agent.state is AgentState.DONE]
    found: dict[str, set[str]] = {agent.key: set() for agent in done}
    overrides = [line for line in Journal(settings.journal_file).read() if line.get("event") == "override"]
    for agent in done:
        began = agent.task.started_at or agent.spawned_at
        for line in overrides:
            at = line.get("at")
            if _is_about(line, agent) and isinstance(at, int | float) and at >= began:
                found[agent.key].add(str(line.get("gate", "")))
    return found


def _is_about(line: Mapping[str, object], agent: Agent) -> bool:
    """By its id; by its window's number, which tmux reuses, only if the line or the record has no id."""
    named = line.get("id")
    return named == agent.id if named and agent.id else line.get("window") == agent.window
