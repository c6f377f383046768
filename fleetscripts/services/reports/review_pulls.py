"""The heartbeat's items about agents whose pull request was merged before they reported DONE."""

from __future__ import annotations

from collections.abc import Iterable

from fleetscripts.adapters.github.github_problems import GitHubProblem
from fleetscripts.config import Settings
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.progress import AT_WORK, JUDGED
from fleetscripts.core.records.sanitize import shell_word
from fleetscripts.core.reports.review import Item
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import PaneState
from fleetscripts.pull_request import PullState
from fleetscripts.services.pulls.pull_reading import github, keys_of
from fleetscripts.services.reports.review_agents import about

ASKING_SECONDS = 10
"""How long GitHub may take; without an answer nothing is proposed."""


def merged_reviewed(looks: Iterable[tuple[Agent, Observation]], fleet: Fleet, settings: Settings) -> list[Item]:
    """Propose to evaluate each of them: nobody else would, and its worktree stays in use. One request for up to ten."""
    keys = {
        agent.key: (agent, key)
        for agent, seen in looks
        if _rests_unjudged(agent, seen)
        for key in keys_of([agent], fleet)
    }
    if not keys:
        return []
    try:
        found = github(settings, most_seconds=ASKING_SECONDS).pull_requests(key for _, key in keys.values())
    except FleetError:
        return []
    pulls = [(agent, found.get(key)) for agent, key in keys.values()]
    return [
        _merged(agent)
        for agent, pull in pulls
        if pull is not None and not isinstance(pull, GitHubProblem) and pull.state is PullState.MERGED
    ]


def _rests_unjudged(agent: Agent, seen: Observation) -> bool:
    """Whether nothing is under way that would lead to a verdict by itself."""
    state = seen.classification.state
    return bool(agent.pr_number) and agent.state not in JUDGED and state not in {*AT_WORK, PaneState.COMPLETE}


def _merged(agent: Agent) -> Item:
    what = "its pull request is merged, but it never said that it has finished: judge the work to free its worktree"
    return Item(
        "merged",
        agent.window,
        what,
        (f"{spelled('evaluate')} {shell_word(agent.handle)}",),
        agent.pane_id,
        about(agent),
    )
